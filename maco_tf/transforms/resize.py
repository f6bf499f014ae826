"""Changes of size: to the model's input, and random zoom."""

import dataclasses
from typing import cast

import keras
import tensorflow as tf

from maco_tf.checks import check_flag, check_size
from maco_tf.transforms.crop_sampling import apply_matrices, crop_by_matrices
from maco_tf.transforms.distribution import Distribution, Range, as_range, extremes
from maco_tf.transforms.transform import Transform

# An image at one twentieth of its size holds too few pixels to mean anything (as the smallest crop).
_SMALLEST = 0.05


@keras.saving.register_keras_serializable(package="maco_tf")
@dataclasses.dataclass(frozen=True, eq=False)
class Resize(Transform):
    """Resize images bilinearly, as `tf.image.resize` does, in a form that compiles under XLA.

    Args:
        size: `(height, width)`, pixels, or one number for both.
        antialias: whether shrinking averages over all pixels of the image. Otherwise it samples two by two pixels, and
            the optimisation can hide in frequencies that only this sampling shows to the model.

    Raises:
        ValueError: an argument is none of these.
    """

    size: int | tuple[int, int]
    antialias: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", check_size("size", self.size))
        object.__setattr__(self, "antialias", check_flag("antialias", self.antialias))

    def apply(self, images: tf.Tensor, draws: tuple[tf.Tensor, ...]) -> tf.Tensor:
        size = cast(tuple[int, int], self.size)
        # Enlarging does not alias.
        antialias = self.antialias and any(new < side for new, side in zip(size, images.shape[1:3]))
        if antialias or tf.config.list_logical_devices("GPU"):
            return resize_by_matrices(images, size, antialias)
        # Ten times as fast on a CPU. On a GPU its gradient adds in no fixed order.
        return tf.image.resize(images, size)


@keras.saving.register_keras_serializable(package="maco_tf")
@dataclasses.dataclass(frozen=True, eq=False)
class RandomScale(Transform):
    """Zoom each image about its centre by a random factor, bilinearly.

    The image keeps its size: factors above 1 cut off its margins, and factors below 1 surround it with mid-grey.
    (Lucid's transform changes the size instead; resizing to a fixed input would undo that, and our sizes are known
    before the run.)

    Args:
        scales: factors above 0: a pair `(low, high)` for a uniform distribution; a sequence of one, three or more
            numbers, which are equally likely; a number or a callable of the step; or a `Uniform`, `Normal` or `Choice`.
            Factors below 0.05 count as 0.05.

    Raises:
        ValueError: `scales` is none of these, or not above 0.
    """

    scales: Range

    def __post_init__(self) -> None:
        scales = as_range("scales", self.scales)
        if any(low <= 0 for low, _ in extremes(scales)):
            raise ValueError(f'"scales" must be above 0. Received: {self.scales!r}. A factor of 1 keeps the image.')
        object.__setattr__(self, "scales", scales)

    def draw(self, views: int, step: int | tf.Tensor = 0, steps: int = 1) -> tuple[tf.Tensor, ...]:
        scales = cast(Distribution, self.scales).sample((views, 1), self.seed_generator, step, steps)
        return (tf.maximum(scales, _SMALLEST),)

    def apply(self, images: tf.Tensor, draws: tuple[tf.Tensor, ...]) -> tf.Tensor:
        (scales,) = draws
        batch, height, width = images.shape[:3]
        # Twice as large means a crop with half the sides.
        sides = tf.repeat(1.0 / scales, 2, axis=1)
        return crop_by_matrices(images, tf.fill((batch, 2), 0.5), sides, (height, width))


def resize_by_matrices(images: tf.Tensor, size: tuple[int, int], antialias: bool) -> tf.Tensor:
    """Resize as `tf.image.resize` does, by matrix products. Its antialiasing kernel does not compile under XLA.

    Args:
        images: tensor (batch, height, width, channels), float32.
        size: `(height, width)`, pixels.
        antialias: whether shrinking averages.

    Returns:
        Tensor (batch, *size, channels).
    """
    batch = images.shape[0]
    rows, columns = (_matrix(side, new, antialias) for side, new in zip(images.shape[1:3], size))
    rows, columns = (tf.broadcast_to(matrix, (batch, 1, *matrix.shape)) for matrix in (rows, columns))
    return apply_matrices(images, rows, columns)[:, 0]


def _matrix(side: int, new: int, antialias: bool) -> tf.Tensor:
    """The weight of every pixel of an axis in every new pixel, (new, side), found by resizing the identity matrix."""
    with tf.init_scope():
        resized = tf.image.resize(tf.eye(side)[None, :, :, None], (new, side), antialias=antialias)
        weights = resized[0, :, :, 0].numpy()
    return tf.constant(weights)
