"""Gaussian blur."""

import dataclasses
from typing import cast

import keras
import tensorflow as tf

from maco_tf.checks import check_integer
from maco_tf.transforms.crop_sampling import apply_matrices
from maco_tf.transforms.distribution import Distribution, Range, as_range, extremes
from maco_tf.transforms.transform import Transform

# As in xplique. Kernels of odd size change nothing below this width, and zero would cause a division by zero.
_SMALLEST = 0.1


@keras.saving.register_keras_serializable(package="maco_tf")
@dataclasses.dataclass(frozen=True, eq=False)
class GaussianBlur(Transform):
    """Blur each image with a normalised Gaussian kernel of random width.

    All channels get the same blur. Mid-grey surrounds the image.

    Args:
        size: number of rows and columns of the kernel. An even size shifts the image by half a pixel to the top left,
            as convolutions with "same" padding do.
        sigma: standard deviation of the kernel, pixels, not negative: a pair `(low, high)` for a uniform distribution;
            a sequence of one, three or more numbers, which are equally likely; a number or a callable of the step; or a
            `Uniform`, `Normal` or `Choice`. Values below 0.1 count as 0.1.

    Raises:
        ValueError: an argument is none of these, or `sigma` is negative.
    """

    size: int
    sigma: Range

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", check_integer("size", self.size, 1))
        sigma = as_range("sigma", self.sigma)
        if any(low < 0 for low, _ in extremes(sigma)):
            raise ValueError(f'"sigma" must not be negative. Received: {self.sigma!r}.')
        object.__setattr__(self, "sigma", sigma)

    def draw(self, views: int, step: int | tf.Tensor = 0, steps: int = 1) -> tuple[tf.Tensor, ...]:
        sigma = cast(Distribution, self.sigma).sample((views, 1), self.seed_generator, step, steps)
        return (tf.maximum(sigma, _SMALLEST),)

    def apply(self, images: tf.Tensor, draws: tuple[tf.Tensor, ...]) -> tf.Tensor:
        (sigma,) = draws
        rows, columns = (self._matrices(sigma, side) for side in images.shape[1:3])
        return apply_matrices(images, rows, columns)[:, 0]

    def _matrices(self, sigma: tf.Tensor, side: int) -> tf.Tensor:
        """Matrices (batch, 1, side, side) whose rows hold the kernel, centred on the diagonal."""
        taps = _gaussian(tf.range(self.size, dtype=tf.float32) - (self.size - 1) / 2, sigma)
        # The middle of an even kernel lies between a pixel and the next one.
        half = 0.0 if self.size % 2 else 0.5
        pixels = tf.range(side, dtype=tf.float32)
        distances = pixels[None, :] - pixels[:, None] - half
        weights = tf.where(tf.abs(distances) < self.size / 2, _gaussian(distances, sigma[..., None]), 0.0)
        return (weights / tf.reduce_sum(taps, axis=1)[:, None, None])[:, None]


def _gaussian(distances: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    return tf.exp(-0.5 * (distances / sigma) ** 2)
