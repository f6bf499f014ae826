"""Additive noise."""

import abc
import dataclasses

import keras
import tensorflow as tf

from maco_tf.transforms.draws import normal, split, uniform
from maco_tf.transforms.schedule import Schedule, check_amount, evaluate
from maco_tf.transforms.transform import Transform


class _Noise(Transform, abc.ABC):
    """Noise that is generated view by view when it is added.

    `draw` makes only one seed for each view, because the noise of a step would take as much memory as all its views.
    """

    def draw(self, views: int, step: int | tf.Tensor = 0, steps: int = 1) -> tuple[tf.Tensor, ...]:
        # `next_seed`, which the other transforms use, reduces a seed modulo 2**31 - 2 as `keras.random` does. Here it
        # would serve as well, but change the noise, and so the image, of every seed that users have noted. With
        # TensorFlow, Keras counts in int64; TensorFlow's kernels accept int32 seeds on every device.
        seed = tf.bitcast(tf.cast(self.seed_generator.next(), tf.uint32), tf.int32)
        return split(seed, views), tf.fill((views,), evaluate(self._amount, step, steps))

    def apply(self, images: tf.Tensor, draws: tuple[tf.Tensor, ...]) -> tf.Tensor:
        seeds, amounts = draws
        shape = images.shape[1:]
        # A loop in the graph. If it were unrolled, tracing and XLA would take longer the more views there are.
        noise = tf.map_fn(
            lambda seed: self._standard(shape, seed), seeds, fn_output_signature=tf.TensorSpec(shape, tf.float32)
        )
        return images + amounts[:, None, None, None] * noise

    @property
    @abc.abstractmethod
    def _amount(self) -> Schedule:
        """The factor of the standard noise."""

    @abc.abstractmethod
    def _standard(self, shape: tuple[int, ...], seed: tf.Tensor) -> tf.Tensor:
        """Noise of unit strength."""


@keras.saving.register_keras_serializable(package="maco_tf")
@dataclasses.dataclass(frozen=True, eq=False)
class GaussianNoise(_Noise):
    """Add independent normal noise to every value.

    Args:
        std: standard deviation, in units of the image's range [0, 1]; a number or another schedule.

    Raises:
        ValueError: `std` is not a schedule, or negative.
    """

    std: Schedule = 0.08

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", check_amount("std", self.std))

    @property
    def _amount(self) -> Schedule:
        return self.std

    def _standard(self, shape: tuple[int, ...], seed: tf.Tensor) -> tf.Tensor:
        return normal(shape, seed)


@keras.saving.register_keras_serializable(package="maco_tf")
@dataclasses.dataclass(frozen=True, eq=False)
class UniformNoise(_Noise):
    """Add independent uniform noise to every value.

    Args:
        amplitude: the noise lies in (-amplitude, amplitude), in units of the image's range [0, 1]; a number or another
            schedule.

    Raises:
        ValueError: `amplitude` is not a schedule, or negative.
    """

    amplitude: Schedule = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "amplitude", check_amount("amplitude", self.amplitude))

    @property
    def _amount(self) -> Schedule:
        return self.amplitude

    def _standard(self, shape: tuple[int, ...], seed: tf.Tensor) -> tf.Tensor:
        return uniform(shape, seed, -1.0, 1.0)
