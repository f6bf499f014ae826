"""Properties of the optimised image itself, not of the model's views. Subtract one from an objective to penalise it."""

import abc
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_number
from maco_tf.models.activations import IMAGE
from maco_tf.objectives.term import Term


@keras.saving.register_keras_serializable(package="maco_tf")
class TotalVariation(Term):
    """Mean absolute difference between neighbouring pixels, summed over both axes, per image."""

    layer = IMAGE

    def __init__(self) -> None:
        super().__init__(names=["total variation"])

    def score(self, activation: tf.Tensor) -> tf.Tensor:
        vertical = tf.abs(activation[:, 1:] - activation[:, :-1])
        horizontal = tf.abs(activation[:, :, 1:] - activation[:, :, :-1])
        return tf.reduce_mean(vertical, (1, 2, 3)) + tf.reduce_mean(horizontal, (1, 2, 3))

    def get_config(self) -> dict[str, Any]:
        return {}


class _Distance(Term, abc.ABC):
    """A distance between the image's values and a constant level.

    Args:
        level: a finite number, on the scale of the image's values, [0, 1].
    """

    layer = IMAGE

    def __init__(self, level: float = 0.5) -> None:
        super().__init__({"level": [np.float32(check_number("level", level))]})

    def get_config(self) -> dict[str, Any]:
        return {"level": float(self.parameters["level"][0])}


@keras.saving.register_keras_serializable(package="maco_tf")
class L1(_Distance):
    """Mean absolute distance between the image's values and a level, per image.

    Args:
        level: a finite number on the scale of the image's values, [0, 1]; the default, 0.5, is mid-grey.
    """

    def score(self, activation: tf.Tensor, *, level: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.abs(activation - level[:, None, None, None]), (1, 2, 3))


@keras.saving.register_keras_serializable(package="maco_tf")
class L2(_Distance):
    """Root mean square distance between the image's values and a level, per image.

    Args:
        level: a finite number on the scale of the image's values, [0, 1]; the default, 0.5, is mid-grey.
    """

    def score(self, activation: tf.Tensor, *, level: tf.Tensor) -> tf.Tensor:
        # The square root has no gradient at 0. The square of one grey level of 255 is 1.5e-5, so 1e-12 changes nothing.
        return tf.sqrt(tf.reduce_mean(tf.square(activation - level[:, None, None, None]), (1, 2, 3)) + 1e-12)
