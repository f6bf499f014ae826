"""What a classifier computes of the images of a class, at the layer in which the class's concepts lie."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from maco_tf.models.activations import LOGITS, PROBABILITIES, Activations
from maco_tf.models.splitting import logits_behind

# Number of images that the model sees at once.
_BATCH = 32


class Seen(NamedTuple):
    """The images of a class at a layer.

    Attributes:
        maps: array (images, rows, columns, channels), float32: the activations of the layer.
        slopes: array of the same shape: the gradient of the logit of the class with respect to them.
        probabilities: array (images,), float32: the probability of the class.
    """

    maps: np.ndarray
    slopes: np.ndarray
    probabilities: np.ndarray


class ClassActivations:
    """A classifier that is split at a layer; all images and classes are served by three compiled functions.

    Args:
        activations: the classifier.
        layer: a layer with maps that splits the model, see `logits_behind`.

    Raises:
        ValueError: there is no such layer, or it does not split the model.
    """

    def __init__(self, activations: Activations, layer: str | int) -> None:
        self._activations, self._layer = activations, layer
        images = tf.TensorSpec((None, *activations.input_shape), tf.float32)
        values = tf.TensorSpec((None, *activations.shapes([layer])[layer]), tf.float32)
        number = tf.TensorSpec((), tf.int32)
        self._read = tf.function(self._maps, autograph=False).get_concrete_function(images, number)
        self._slope = tf.function(self._slopes, autograph=False).get_concrete_function(values, number)
        self._classify = tf.function(self._classes, autograph=False).get_concrete_function(values)

    def see(self, images: np.ndarray, number: int) -> Seen:
        """Read the layer on images of a class.

        Args:
            images: array (images, height, width, channels) of the model's input size, float32 in [0, 1].
            number: the number of the class.
        """
        found = []
        for batch in _batches(images):
            maps, probabilities = self._read(tf.constant(batch), tf.constant(number))
            found.append((maps.numpy(), self._slope(maps, tf.constant(number)).numpy(), probabilities.numpy()))
        return Seen(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def pool(self, images: np.ndarray) -> np.ndarray:
        """The activations of images, averaged over positions: array (images, channels), float32."""
        read = [self._read(tf.constant(batch), tf.constant(0))[0] for batch in _batches(images)]
        return np.concatenate([tf.reduce_mean(maps, axis=(1, 2)).numpy() for maps in read])

    def classify(self, maps: np.ndarray) -> np.ndarray:
        """The class of the highest logit behind some activations: array (images,), int64."""
        return np.concatenate([self._classify(tf.constant(batch)).numpy() for batch in _batches(maps)])

    def _maps(self, images: tf.Tensor, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        found = self._activations(images, [self._layer, PROBABILITIES])
        return found[self._layer], tf.gather(found[PROBABILITIES], number, axis=1)

    def _slopes(self, maps: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        logits = logits_behind(self._activations, self._layer, maps)
        return tf.gradients(tf.gather(logits, number, axis=1), maps)[0]

    def _classes(self, maps: tf.Tensor) -> tf.Tensor:
        return tf.argmax(logits_behind(self._activations, self._layer, maps), axis=1)


def class_count(activations: Activations) -> int:
    """The number of classes of a classifier.

    Args:
        activations: the model.

    Raises:
        ValueError: the model's output is not one vector of logits.
    """
    shape = activations.shapes([LOGITS])[LOGITS]
    if len(shape) != 1 or shape[0] is None:
        raise ValueError(f'"model" must return logits (batch, classes). Received: an output of shape {shape}.')
    return shape[0]


def _batches(values: np.ndarray) -> list[np.ndarray]:
    return [values[start : start + _BATCH] for start in range(0, len(values), _BATCH)]
