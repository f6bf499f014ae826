"""Additive noise."""

import abc

import tensorflow as tf

from maco_tf.transforms.draws import normal, split, uniform
from maco_tf.transforms.schedule import check_amount, evaluate
from maco_tf.transforms.transform import Transform


class _Noise(Transform, abc.ABC):
    """Noise that is drawn when it is added, view by view: what is drawn before is only a seed for each.

    A step's noise, all of it, would be as large as all its views.
    """

    def draw(self, views, step=0, steps=1):
        # Keras counts in int64 on TensorFlow, whose seeds may be int32 everywhere.
        seed = tf.bitcast(tf.cast(self.seed_generator.next(), tf.uint32), tf.int32)
        return split(seed, views), tf.fill((views,), evaluate(self._amount, step, steps))

    def apply(self, images, draws):
        seeds, amounts = draws
        shape = images.shape[1:]
        # A loop of the graph: written out view by view, tracing and XLA would take the longer the more there are.
        noise = tf.map_fn(
            lambda seed: self._standard(shape, seed), seeds, fn_output_signature=tf.TensorSpec(shape, tf.float32)
        )
        return images + amounts[:, None, None, None] * noise

    @property
    @abc.abstractmethod
    def _amount(self):
        """The schedule that noise of unit strength is multiplied by."""

    @abc.abstractmethod
    def _standard(self, shape, seed):
        """Noise of unit strength."""


class GaussianNoise(_Noise):
    """Add independent normal noise to every value.

    Args:
        std: standard deviation, in units of the image's range [0, 1]; a number or any other schedule.
    """

    def __init__(self, std=0.08):
        super().__init__()
        check_amount("std", std)
        self.std = std

    @property
    def _amount(self):
        return self.std

    def _standard(self, shape, seed):
        return normal(shape, seed)

    def __repr__(self):
        return f"GaussianNoise(std={self.std!r})"


class UniformNoise(_Noise):
    """Add independent uniform noise to every value.

    Args:
        amplitude: noise lies in (-amplitude, amplitude), in units of the image's range [0, 1]; a number or
            any other schedule.
    """

    def __init__(self, amplitude=0.1):
        super().__init__()
        check_amount("amplitude", amplitude)
        self.amplitude = amplitude

    @property
    def _amount(self):
        return self.amplitude

    def _standard(self, shape, seed):
        return uniform(shape, seed, -1.0, 1.0)

    def __repr__(self):
        return f"UniformNoise(amplitude={self.amplitude!r})"
