"""Neuron: a single value of a layer."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.objectives.term import Term
from maco_tf.objectives.tokens import check_tokens, class_tokens
from maco_tf.objectives.units import as_units, check_units, plain

_CLASS = "class"


@keras.saving.register_keras_serializable(package="maco_tf")
class Neuron(Term):
    """A single value of a layer.

    Args:
        layer: name, path or index of the layer.
        units: the neuron's index in the flattened layer, or its position as a tuple, `(y, x, channel)`. A list of
            indices, or of positions, is a batch of objectives. In a transformer's layer, (tokens, width), a position is
            `(token, feature)` with the token counted from the first, `("class", feature)`, or `(y, x, feature)` on the
            grid of patches.
        names: list of names for the results.
    """

    # The class token is position 0, so the parameters hold it.
    _untraced = Term._untraced | {"_of_class"}

    def __init__(
        self,
        layer: str | int,
        units: int | tuple[int | str, ...] | Sequence[int | tuple[int | str, ...]] | np.ndarray,
        *,
        names: Iterable[str] | None = None,
    ) -> None:
        self.layer = layer
        positions: Any = [units] if isinstance(units, tuple) else plain(units)
        self._of_class = False
        if isinstance(positions, list) and positions and isinstance(positions[0], list | tuple):
            if not all(isinstance(position, list | tuple) for position in positions) or (
                len({len(position) for position in positions}) != 1
            ):
                raise ValueError(f'"units" must be positions with equal numbers of coordinates. Received: {units}.')
            texts = [",".join(map(str, position)) for position in positions]
            of_class = [len(position) == 2 and position[0] == _CLASS for position in positions]
            self._of_class = any(of_class)
            if self._of_class:
                if not all(of_class):
                    raise ValueError(
                        '"units" must all belong to the class token, or none of them. Received: '
                        f"{units}. Combine two Neurons."
                    )
                positions = [(0, feature) for _, feature in positions]
            parameters = {"position": np.stack([as_units("units", position) for position in positions])}
        else:
            parameters = {"index": as_units("units", units)}
            texts = parameters["index"].tolist()
        super().__init__(parameters, [f"{layer}[{text}]" for text in texts] if names is None else names)

    def check(self, shape: tuple[int | None, ...]) -> None:
        where = f"the layer {self.layer!r}, of shape {shape},"
        if "index" in self.parameters:
            sizes = [size for size in shape if size is not None]
            count = math.prod(sizes) if len(sizes) == len(shape) else None
            check_units("units", self.parameters["index"], count, where)
            return
        positions = self.parameters["position"]
        if self._of_class:
            if len(shape) != 2:
                raise ValueError(
                    f'"units" must not name the class token: {where} has no tokens. Received: {self._first_unit()}.'
                )
            check_tokens(_CLASS, shape, self.layer)
        if len(shape) == 2 and positions.shape[1] == 3:
            check_tokens("patch", shape, self.layer)
            side = _side(shape[0] or 0)
            shape, where = (side, side, shape[1]), f"the {side} x {side} patches of {self.layer!r}"
        if positions.shape[1] != len(shape):
            raise ValueError(
                f'"units" must have {len(shape)} coordinates: {where} has {len(shape)} axes. Received: '
                f"{self._first_unit()}."
            )
        for axis, size in enumerate(shape):
            check_units("units", positions[:, axis], size, f"axis {axis} of {where}")

    def score(
        self, activation: tf.Tensor, *, index: tf.Tensor | None = None, position: tf.Tensor | None = None
    ) -> tf.Tensor:
        if position is None:
            return tf.gather(tf.reshape(activation, (activation.shape[0], -1)), index, batch_dims=1)
        if len(activation.shape) == 3 and position.shape[1] == 3:
            count = activation.shape[1]
            y, x, feature = tf.unstack(position, axis=1)
            position = tf.stack([class_tokens(count) + y * _side(count) + x, feature], axis=1)
        return tf.gather_nd(activation, position, batch_dims=1)

    def get_config(self) -> dict[str, Any]:
        return {"layer": self.layer, "units": self._units(), "names": self.names}

    def _units(self) -> list[Any]:
        """The argument "units" as a list."""
        if "index" in self.parameters:
            return self.parameters["index"].tolist()
        positions = [tuple(position) for position in self.parameters["position"].tolist()]
        return [(_CLASS, feature) for _, feature in positions] if self._of_class else positions

    def _first_unit(self) -> Any:
        return self._units()[0]


def _side(count: int) -> int:
    """Side of the grid of patches in a layer with `count` tokens."""
    return math.isqrt(count - (class_tokens(count) or 0))
