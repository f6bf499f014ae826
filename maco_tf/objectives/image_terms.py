"""Objectives on the image itself; subtract them to hold something down."""

import abc
import math
import numbers

import keras
import numpy as np
import tensorflow as tf

from maco_tf.models.activations import IMAGE
from maco_tf.objectives.term import Term


class ImageTerm(Term, abc.ABC):
    """A score of the whole image, (batch, height, width, channels) in [0, 1], not of the model's views.

    Args:
        name: the result's name.
        parameters: see `Term`.
    """

    layer = IMAGE

    def __init__(self, name, parameters=None):
        super().__init__(parameters or {}, [name])

    def get_config(self):
        return {}


@keras.saving.register_keras_serializable(package="maco_tf")
class TotalVariation(ImageTerm):
    """Mean absolute difference between neighbouring pixels, both axes added, per image."""

    def __init__(self):
        super().__init__("total variation")

    def score(self, activation):
        vertical = tf.abs(activation[:, 1:] - activation[:, :-1])
        horizontal = tf.abs(activation[:, :, 1:] - activation[:, :, :-1])
        return tf.reduce_mean(vertical, (1, 2, 3)) + tf.reduce_mean(horizontal, (1, 2, 3))


class _Distance(ImageTerm, abc.ABC):
    """A distance of the image's values from a constant level.

    Args:
        level: number in [0, 1]; 0.5 is mid-grey.
    """

    def __init__(self, level=0.5):
        if isinstance(level, bool) or not isinstance(level, numbers.Real) or not math.isfinite(level):
            raise ValueError(f'"level" must be a finite number. Received: {level!r}.')
        super().__init__(type(self).__name__, {"level": [np.float32(level)]})

    def get_config(self):
        return {"level": float(self.parameters["level"][0])}


@keras.saving.register_keras_serializable(package="maco_tf")
class L1(_Distance):
    """Mean absolute distance of the image's values from a level (0.5 unless told), per image."""

    def score(self, activation, *, level):
        return tf.reduce_mean(tf.abs(activation - level[:, None, None, None]), (1, 2, 3))


@keras.saving.register_keras_serializable(package="maco_tf")
class L2(_Distance):
    """Root mean square distance of the image's values from a level (0.5 unless told), per image."""

    def score(self, activation, *, level):
        # The square root has no gradient at 0; 1e-12 is far below one grey level squared.
        return tf.sqrt(tf.reduce_mean(tf.square(activation - level[:, None, None, None]), (1, 2, 3)) + 1e-12)
