"""Scores that read several layers at once."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from maco_tf.checks import check_number
from maco_tf.objectives.term import Term


class MultiLayerTerm(Term, abc.ABC):
    """One addend that reads several layers: one name, one weight and one score.

    Unlike in other terms, `score` receives a list with the activation of each layer, in their order, and `check_layers`
    a list of their shapes. A term whose layers depend on the model leaves them out at first; `resolved` returns a term
    that has them.

    Args:
        layers: names, paths or indices of layers.
        parameters: see `Term`.
        names: see `Term`.
    """

    _layers: tuple[str | int, ...] = ()

    def __init__(
        self,
        layers: Sequence[str | int] = (),
        parameters: Mapping[str, Any] | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        self._layers = tuple(layers)
        super().__init__(parameters, names)

    @property
    def layers(self) -> tuple[str | int, ...]:
        return self._layers

    def _reading(self, layers: Sequence[str | int], parameters: Mapping[str, np.ndarray]) -> "MultiLayerTerm":
        """A copy that reads other layers; every parameter without a batch axis is repeated for the whole batch."""
        count = len(self)
        repeated = {name: np.repeat(value[None], count, axis=0) for name, value in parameters.items()}
        changed: Any = self._with_parameters(repeated)
        changed._layers, changed._names = tuple(layers), tuple(self.names)
        return changed

    def check_layers(self, shapes: Sequence[tuple[int | None, ...]]) -> None:
        """Refuse activations that the objective cannot read.

        Args:
            shapes: the shape of each layer without the batch axis; an axis of unknown size is `None`.

        Raises:
            ValueError: for instance, the number of channels is wrong.
        """

    @abc.abstractmethod
    def score(self, activation: Sequence[tf.Tensor], *_: Any, **parameters: Any) -> tf.Tensor:
        """The score of every view; see `Term.score`.

        Args:
            activation: float32 tensors (views, ...), one for each layer.
            **parameters: tensors (views, ...).

        Returns:
            Float32 tensor (views,).
        """


def check_balance(balance: float | None) -> float | None:
    """Check the argument "balance" of a prior; see `Term.balance`."""
    return None if balance is None else check_number("balance", balance, least=0)
