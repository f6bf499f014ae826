"""The oldest parametrization: every pixel is free."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_flag, check_number
from maco_tf.parametrizations.parametrization import (
    Parametrization,
    check_step_blur,
    every,
    normal_start,
    refuse_start_with,
)
from maco_tf.products import may_round
from maco_tf.spectrum.colour import from_image, stretched, to_image


class PixelParametrization(Parametrization):
    """Images `to_image(x)` with free pixels x in the decorrelated space, with an optional blur.

    Args:
        image_shape: `(height, width, channels)` of the images, pixels.
        batch_size: number of images.
        std: standard deviation of the starting pixels before the sigmoid, above 0.
        image_blur: standard deviation of a Gaussian over x, pixels; 0 turns it off. The image is always x blurred once,
            and the gradient is blurred too.
        gradient_blur: standard deviation of a Gaussian over the gradient of x, pixels, which does not blur the image
            itself (Øygard, 2015); 0 turns it off.
        step_blur: standard deviation of a Gaussian, pixels, with which x is blurred after every `step_blur_every`-th
            step of the optimizer, as in Yosinski et al., 2015; 0 turns it off. The blurs of a run add up.
        step_blur_every: number of steps from one blur to the next, at least 1.
        stretch: whether each image is stretched to the full range [0, 1] after the sigmoid, as in xplique.
        decorrelate: whether the three channels of x are decorrelated colours; otherwise they are red, green and blue.

    Raises:
        ValueError: an argument lies outside its range.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        batch_size: int = 1,
        *,
        std: float = 0.01,
        image_blur: float = 0.0,
        gradient_blur: float = 0.0,
        step_blur: float = 0.0,
        step_blur_every: int = 1,
        stretch: bool = False,
        decorrelate: bool = True,
    ) -> None:
        super().__init__(image_shape, batch_size)
        self.std = check_number("std", std, above=0)
        self.image_blur = check_number("image_blur", image_blur, least=0)
        self.gradient_blur = check_number("gradient_blur", gradient_blur, least=0)
        self.step_blur, self.step_blur_every = check_step_blur(step_blur, step_blur_every)
        self.stretch = check_flag("stretch", stretch)
        self.decorrelate = check_flag("decorrelate", decorrelate)

    def initialize(self, seed: int) -> list[tf.Tensor]:
        return [normal_start(seed, self.batch_size, self.image_shape, self.std)]

    def after_step(self, variables: list[tf.Tensor], done: int | tf.Tensor) -> list[tf.Tensor]:
        if not self.step_blur:
            return variables
        (x,) = variables
        return [every(self.step_blur_every, done, lambda: gaussian_blur(x, self.step_blur), x)]

    def from_images(self, images: np.ndarray) -> list[tf.Tensor]:
        refuse_start_with("stretch", self.stretch)
        refuse_start_with("image_blur", self.image_blur)
        return [from_image(tf.constant(images), decorrelate=self.decorrelate)]

    def image(self, variables: list[tf.Tensor]) -> tf.Tensor:
        x = variables[0]
        if self.gradient_blur:
            x = _with_blurred_gradient(x, self.gradient_blur)
        if self.image_blur:
            x = gaussian_blur(x, self.image_blur)
        images = to_image(x, decorrelate=self.decorrelate)
        return stretched(images) if self.stretch else images


def gaussian_blur(images: tf.Tensor, sigma: float) -> tf.Tensor:
    """Convolve images with a normalised Gaussian. Beyond its border, an image continues as its mirror image.

    Args:
        images: tensor (batch, height, width, channels), float32.
        sigma: standard deviation, pixels.

    Returns:
        Tensor of the same shape.
    """
    # Three standard deviations hold 99.7 percent of the weight.
    radius = min(max(1, round(3 * sigma)), min(images.shape[1:3]) - 1)
    padded = tf.pad(images, [[0, 0], [radius, radius], [radius, radius], [0, 0]], mode="REFLECT")
    size = 2 * radius + 1
    if may_round():
        return _sum_of_shifts(_sum_of_shifts(padded, 1, radius, sigma), 2, radius, sigma)
    blurred = keras.ops.image.gaussian_blur(padded, (size, size), (float(sigma), float(sigma)))
    return blurred[:, radius:-radius, radius:-radius]


def _sum_of_shifts(padded: tf.Tensor, axis: int, radius: int, sigma: float) -> tf.Tensor:
    """Blur along one axis, which loses its border, without a convolution, which TensorFloat-32 could round."""
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    side = padded.shape[axis] - 2 * radius
    shifts = (
        padded[:, first : first + side] if axis == 1 else padded[:, :, first : first + side]
        for first in range(2 * radius + 1)
    )
    return tf.add_n([float(weight) * shifted for weight, shifted in zip(weights / weights.sum(), shifts)])


def _with_blurred_gradient(x: tf.Tensor, sigma: float) -> tf.Tensor:
    @tf.custom_gradient
    def identity(values: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        return tf.identity(values), lambda upstream: gaussian_blur(upstream, sigma)

    return identity(x)
