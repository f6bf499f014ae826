"""Objectives of xplique, converted."""

import itertools
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from maco_tf.objectives.objective import Objective, Sum
from maco_tf.objectives.term import Term, comparable


class XpliqueTerm(Term):
    """One sub-objective of an xplique objective, with its function and its masks.

    Args:
        layer: the layer's name.
        function: the sub-objective's function, `(model_output, mask) -> score`.
        masks: array (batch, ...); the remaining axes have the shape of the activation, or of its last axis.
        names: list of names.
    """

    _untraced = Term._untraced | {"function"}

    def __init__(
        self, layer: str, function: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], masks: np.ndarray, names: Iterable[str]
    ) -> None:
        self.layer, self.function = layer, function
        super().__init__({"mask": np.asarray(masks, "float32")}, names)

    def structure(self) -> tuple[Hashable, ...]:
        # xplique makes a new function for every objective, so its identity does not show that two compute the same.
        function = self.function
        code = getattr(function, "__code__", None)
        cells = tuple(comparable(cell.cell_contents) for cell in getattr(function, "__closure__", None) or ())
        defaults = comparable(getattr(function, "__defaults__", None))
        return (*super().structure(), *((comparable(function),) if code is None else (code, cells, defaults)))

    def check(self, shape: tuple[int | None, ...]) -> None:
        mask = self.parameters["mask"].shape[1:]
        if mask not in (shape, shape[-1:]):
            raise ValueError(f'"masks" of {self.layer!r} must have its shape {shape}. Received: {mask}.')

    def score(self, activation: tf.Tensor, *, mask: tf.Tensor) -> tf.Tensor:
        # One view at a time, because some of xplique's functions sum over the batch.
        def one(pair: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            return tf.reshape(self.function(pair[0][None], pair[1][None]), ())

        mask = tf.reshape(mask, (mask.shape[0], *[1] * (len(activation.shape) - len(mask.shape)), *mask.shape[1:]))
        return tf.vectorized_map(one, (activation, tf.broadcast_to(mask, activation.shape)))

    def get_config(self) -> dict[str, Any]:
        raise ValueError(
            "An objective converted from xplique cannot be stored, because it holds a function that xplique defines "
            f"inside another. Received: {self.function!r}. Build the objective from maco_tf's classes instead."
        )


def from_xplique(objective: Any) -> Objective:
    """Convert an objective of xplique.

    The scores keep xplique's scales. xplique takes the mean over the whole layer, including the values that it sets to
    zero, so its scores are smaller than those of maco_tf's classes. With C channels and a map of H x W:

    | xplique | maco_tf |
    |---|---|
    | `Objective.channel(model, layer, c)` | `Channel(layer, c) / C` |
    | `Objective.neuron(model, layer, i)` | `Neuron(layer, i, position="flat") / (H * W * C)` |
    | `Objective.neuron(model, -1, class)` of C logits | `Logit(class) / C` |
    | `Objective.layer(model, layer)` | `Layer(layer)` |
    | `Objective.direction(model, layer, v)`, v of the layer's shape | `Direction(layer, v)` |

    The scale matters only in sums: a weight between a channel and a direction in xplique is another one here. xplique
    itself multiplies a sum of terms by each later multiplier, and its direction adds up the images of a batch; this
    function applies each multiplier to its own term and scores each image on its own.

    Args:
        objective: an `xplique.features_visualizations.Objective`.

    Returns:
        An `Objective` that scores every image independently and applies each multiplier to its own term only.

    Raises:
        ValueError: `objective` is something else.
    """
    parts = ("layers", "masks", "funcs", "multipliers", "names")
    if not all(hasattr(objective, part) for part in parts):
        raise ValueError(
            f'"objective" must be an xplique.features_visualizations.Objective. Received: {type(objective).__name__}.'
        )
    combinations = list(itertools.product(*(range(len(masks)) for masks in objective.masks)))
    terms = []
    for index, (layer, masks, function, multiplier, names) in enumerate(
        zip(*(getattr(objective, part) for part in parts))
    ):
        names = [names] if isinstance(names, str) else list(names)
        chosen = [combination[index] for combination in combinations]
        name = layer._keras_history.operation.name
        term = XpliqueTerm(name, function, np.stack([masks[i] for i in chosen]), [names[i] for i in chosen])
        terms.append((multiplier, term))
    return Sum(terms)
