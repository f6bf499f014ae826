"""Objectives that compare the images of a batch; in all others, the score of an image depends on that image only."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_integer, check_number
from maco_tf.models.activations import IMAGE
from maco_tf.objectives.objective import Objective
from maco_tf.objectives.term import Term
from maco_tf.products import einsum, products_of_rows


class JointTerm(Term, abc.ABC):
    """A score of each image that compares it with the other images of its batch.

    Unlike in other terms, `score` receives an activation of shape (batch, views, ...) and parameters of shape
    (batch, ...), and returns one score per image, (batch,).

    Args:
        layer: name, path or index of the layer; `None` is the image itself.
        count: number of images, at least 2. An objective of length one that is added is repeated for all of them.
        parameters: dictionary, name -> number; see `Term`. Every image gets the same numbers.
    """

    def __init__(self, layer: str | int | None, count: int, parameters: Mapping[str, float] | None = None) -> None:
        count = check_integer("count", count, 2)
        self.layer = IMAGE if layer is None else layer
        repeated = {name: np.full(count, value, "float32") for name, value in (parameters or {}).items()}
        super().__init__(repeated, [f"{type(self).__name__.lower()} {index}" for index in range(count)])

    def take(self, indices: Sequence[int] | np.ndarray) -> Term:
        if len(indices) < 2:
            raise ValueError(
                f"{type(self).__name__} compares the images of a batch, so at least two must be selected. Received: "
                f"indices {list(indices)}. Explain the whole batch at once."
            )
        return super().take(indices)

    def get_config(self) -> dict[str, Any]:
        return {"layer": None if self.layer == IMAGE else self.layer, "count": len(self)}


def check_separate(objective: Objective) -> None:
    """Check that the argument "objective" scores each image separately.

    Args:
        objective: an `Objective`.

    Raises:
        ValueError: it compares the images of a batch.
    """
    if any(isinstance(term, JointTerm) for _, term in objective.terms):
        raise ValueError(
            '"objective" must score each image separately. Received: an objective that compares the images of a batch. '
            "Leave Diversity and Alignment out."
        )


@keras.saving.register_keras_serializable(package="maco_tf")
class Diversity(JointTerm):
    """Rewards a batch of images that differ: minus the mean cosine between an image's Gram matrix and the others'.

        explanation = visualizer.explain(Channel("mixed4a", 97) + 2 * Diversity("mixed4a", 4))

    A Gram matrix describes which channels are active together, anywhere in the image; it is averaged over positions
    and views. The score lies in [-1, 1]. Lucid's objective has the opposite sign and is subtracted.

    Args:
        layer: name, path or index of the layer.
        count: number of images, at least 2.

    Source: Olah et al., 2017, "Feature Visualization", section on diversity; Lucid's `diversity`.
    """

    def __init__(self, layer: str | int | None, count: int = 4) -> None:
        super().__init__(layer, count)

    def score(self, activation: tf.Tensor) -> tf.Tensor:
        batch, channels = activation.shape[0], activation.shape[-1]
        positions = tf.reshape(activation, (batch, -1, channels))
        gram = tf.reshape(einsum("bpc,bpd->bcd", positions, positions), (batch, -1))
        gram = gram * tf.math.rsqrt(tf.reduce_sum(gram * gram, axis=-1, keepdims=True) + 1e-12)
        cosines = products_of_rows(gram, gram)
        return -(tf.reduce_sum(cosines, axis=1) - tf.linalg.diag_part(cosines)) / (batch - 1)


@keras.saving.register_keras_serializable(package="maco_tf")
class Alignment(JointTerm):
    """Rewards similarity between neighbouring images of a batch, so that a series changes gradually.

        series = interpolate(Channel("mixed4a", 97), Channel("mixed4a", 88), 6)
        explanation = visualizer.explain(series + 10 * Alignment(None, 6))

    The score of an image is minus the mean square difference from the images up to four places away, weighted by
    1 / decay**distance; the two images of a pair share its difference equally.

    Args:
        layer: name, path or index of the layer; `None` compares the images themselves.
        count: number of images, at least 2.
        decay: factor by which the weight falls from one distance to the next, above 0.

    Source: Lucid's `alignment`.
    """

    _FARTHEST = 4

    def __init__(self, layer: str | int | None, count: int, *, decay: float = 2.0) -> None:
        super().__init__(layer, count, {"decay": check_number("decay", decay, above=0)})

    def score(self, activation: tf.Tensor, *, decay: tf.Tensor) -> tf.Tensor:
        batch = activation.shape[0]
        means = tf.reduce_mean(activation, axis=1)  # Views show different places, so only their mean is comparable.
        total = tf.zeros((batch,))
        for distance in range(1, min(self._FARTHEST, batch - 1) + 1):
            difference = tf.reshape(means[distance:] - means[:-distance], (batch - distance, -1))
            halves = tf.reduce_mean(tf.square(difference), axis=1) / decay[distance:] ** distance / 2
            total -= tf.pad(halves, [[distance, 0]]) + tf.pad(halves, [[0, distance]])
        return total

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "decay": float(self.parameters["decay"][0])}
