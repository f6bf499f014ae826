"""Objectives on the images of a batch together: the one kind whose score depends on more than one image."""

import abc
import numbers

import keras
import numpy as np
import tensorflow as tf

from maco_tf.models.activations import IMAGE
from maco_tf.objectives.term import Term


class JointTerm(Term, abc.ABC):
    """A score of each image that looks at the others of its batch.

    `score` gets the activations as (batch, views, ...) and returns (batch,).

    Args:
        layer: name, path or index of the layer; `None` is the image itself.
        count: number of images; an objective of length one that is added grows to it.
        parameters: see `Term`; the same number for every image.
    """

    def __init__(self, layer, count, parameters=None):
        if not isinstance(count, numbers.Integral) or isinstance(count, bool) or count < 2:
            raise ValueError(
                f'"count" must be an integer of at least 2. Received: {count!r}. It is the number of images that are '
                "compared."
            )
        self.layer = IMAGE if layer is None else layer
        repeated = {name: np.full(count, value, "float32") for name, value in (parameters or {}).items()}
        super().__init__(repeated, [f"{type(self).__name__.lower()} {index}" for index in range(count)])

    def take(self, indices):
        if len(indices) < 2:
            raise ValueError(
                f"{type(self).__name__} compares the images of a batch: it cannot be taken for one alone. Received: "
                f"indices {list(indices)}. Explain the whole batch at once."
            )
        return super().take(indices)

    def get_config(self):
        return {"layer": None if self.layer == IMAGE else self.layer, "count": len(self)}


@keras.saving.register_keras_serializable(package="maco_tf")
class Diversity(JointTerm):
    """Make the images of a batch differ: minus the mean cosine between their Gram matrices and the others'.

        explanation = visualizer.explain(Channel("mixed4a", 97) + 2 * Diversity("mixed4a", 4))

    A Gram matrix holds which channels are active together, wherever in the image; it is averaged over an image's
    positions and views. The score lies in [-1, 1]. In Lucid the sign is the other way round, and a term is subtracted.

    Args:
        layer: name, path or index of the layer.
        count: number of images.

    Source: Olah et al., 2017, "Feature Visualization", section on diversity; Lucid's `diversity`.
    """

    def __init__(self, layer, count=4):
        super().__init__(layer, count)

    def score(self, activation):
        batch, channels = activation.shape[0], activation.shape[-1]
        positions = tf.reshape(activation, (batch, -1, channels))
        gram = tf.reshape(tf.matmul(positions, positions, transpose_a=True), (batch, -1))
        gram = gram * tf.math.rsqrt(tf.reduce_sum(gram * gram, axis=-1, keepdims=True) + 1e-12)
        cosines = tf.matmul(gram, gram, transpose_b=True)
        return -(tf.reduce_sum(cosines, axis=1) - tf.linalg.diag_part(cosines)) / (batch - 1)


@keras.saving.register_keras_serializable(package="maco_tf")
class Alignment(JointTerm):
    """Make neighbouring images of a batch alike, so that a series of them reads as one that changes.

        series = interpolate(Channel("mixed4a", 97), Channel("mixed4a", 88), 6)
        explanation = visualizer.explain(series + 10 * Alignment(None, 6))

    The score of an image is minus the mean square difference to the images up to four places away, weighted by
    1 / decay**distance; each pair's is shared by its two images.

    Args:
        layer: name, path or index of the layer; `None` compares the images themselves.
        count: number of images.
        decay: how much less the next distance counts, above 0.

    Source: Lucid's `alignment`.
    """

    _FARTHEST = 4

    def __init__(self, layer, count, *, decay=2.0):
        if isinstance(decay, bool) or not isinstance(decay, numbers.Real) or not 0 < decay < np.inf:
            raise ValueError(f'"decay" must be a finite number above 0. Received: {decay!r}.')
        super().__init__(layer, count, {"decay": decay})

    def score(self, activation, *, decay):
        batch = activation.shape[0]
        means = tf.reduce_mean(activation, axis=1)  # Views show different places: their mean is compared.
        total = tf.zeros((batch,))
        for distance in range(1, min(self._FARTHEST, batch - 1) + 1):
            difference = tf.reshape(means[distance:] - means[:-distance], (batch - distance, -1))
            halves = tf.reduce_mean(tf.square(difference), axis=1) / decay[distance:] ** distance / 2
            total -= tf.pad(halves, [[distance, 0]]) + tf.pad(halves, [[0, distance]])
        return total

    def get_config(self):
        return {**super().get_config(), "decay": float(self.parameters["decay"][0])}
