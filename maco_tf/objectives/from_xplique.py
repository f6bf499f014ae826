"""Objectives of xplique, taken over."""

import itertools

import numpy as np
import tensorflow as tf

from maco_tf.objectives.objective import Sum
from maco_tf.objectives.term import Term


class XpliqueTerm(Term):
    """One sub-objective of an xplique objective: its function and its masks.

    Args:
        layer: the layer's name.
        function: xplique's, `(model_output, mask) -> score`.
        masks: array (batch, ...), the activation's shape behind the batch.
        names: list of names.
    """

    def __init__(self, layer, function, masks, names):
        self.layer, self.function = layer, function
        super().__init__({"mask": np.asarray(masks, "float32")}, names)

    def structure(self):
        # xplique makes a new function for every objective: what it does is its code and what that closes over.
        cells = tuple(repr(cell.cell_contents) for cell in getattr(self.function, "__closure__", None) or ())
        return (*super().structure(), getattr(self.function, "__code__", self.function), cells)

    def check(self, shape):
        mask = self.parameters["mask"].shape[1:]
        if mask not in (shape, shape[-1:]):
            raise ValueError(f'"masks" of {self.layer!r} must have its shape {shape}. Received: {mask}.')

    def score(self, activation, *, mask):
        # One image at a time: some of xplique's functions sum over the batch they are given.
        def one(pair):
            return tf.reshape(self.function(pair[0][None], pair[1][None]), ())

        mask = tf.reshape(mask, (mask.shape[0], *[1] * (len(activation.shape) - len(mask.shape)), *mask.shape[1:]))
        return tf.vectorized_map(one, (activation, tf.broadcast_to(mask, activation.shape)))

    def get_config(self):
        raise ValueError(
            f"An objective taken over from xplique cannot be saved: {self.function!r} is a plain function. Build it "
            "with maco_tf's own objectives instead."
        )


def from_xplique(objective):
    """An objective of xplique as one of ours.

    Args:
        objective: an `xplique.features_visualizations.Objective`.

    Returns:
        An `Objective` that scores each image apart, with each multiplier on its own term.

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
