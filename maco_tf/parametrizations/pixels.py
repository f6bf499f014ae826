"""The oldest parametrization: every pixel is free."""

import keras
import tensorflow as tf

from maco_tf.checks import check_flag, check_number
from maco_tf.parametrizations.parametrization import (
    Parametrization,
    normal_start,
    refuse_start_with,
)
from maco_tf.spectrum.colour import from_image, stretched, to_image


class PixelParametrization(Parametrization):
    """Images `to_image(x)` with free pixels x in the decorrelated space; blurred on request.

    Args:
        height: pixels.
        width: pixels.
        channels: colour channels; three are decorrelated.
        batch_size: number of images.
        std: standard deviation of the starting pixels before the sigmoid.
        image_blur: standard deviation in pixels of a Gaussian over x, as a prior on the image
            (Yosinski et al., 2015, blur it between steps); 0 is none.
        gradient_blur: the same over the gradient on its way to x, which leaves the image as sharp as the
            gradients' sum is (Øygard, 2015); 0 is none.
        stretch: whether each image's values are stretched to the whole of [0, 1] after the sigmoid, as in xplique.
    """

    def __init__(
        self, height, width, channels=3, batch_size=1, *, std=0.01, image_blur=0.0, gradient_blur=0.0, stretch=False
    ):
        super().__init__(batch_size, height, width, channels)
        std = check_number("std", std, above=0)
        stretch = check_flag("stretch", stretch)
        image_blur = check_number("image_blur", image_blur, least=0)
        gradient_blur = check_number("gradient_blur", gradient_blur, least=0)
        self.std, self.image_blur, self.gradient_blur, self.stretch = std, image_blur, gradient_blur, stretch

    def initialize(self, seed):
        return [normal_start(seed, self.batch_size, (self.height, self.width, self.channels), self.std)]

    def from_images(self, images):
        refuse_start_with("stretch", self.stretch)
        refuse_start_with("image_blur", self.image_blur)
        return [from_image(tf.constant(images))]

    def image(self, variables):
        x = variables[0]
        if self.gradient_blur:
            x = _with_blurred_gradient(x, self.gradient_blur)
        if self.image_blur:
            x = gaussian_blur(x, self.image_blur)
        return stretched(to_image(x)) if self.stretch else to_image(x)


def gaussian_blur(images, sigma):
    """Convolve with a normalised Gaussian; beyond the border the image is continued by its mirror image.

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
    blurred = keras.ops.image.gaussian_blur(padded, (size, size), (float(sigma), float(sigma)))
    return blurred[:, radius:-radius, radius:-radius]


def _with_blurred_gradient(x, sigma):
    @tf.custom_gradient
    def identity(values):
        return tf.identity(values), lambda upstream: gaussian_blur(upstream, sigma)

    return identity(x)
