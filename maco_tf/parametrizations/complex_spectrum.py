"""Lucid's parametrization: the whole complex spectrum is free, scaled so that low frequencies learn faster."""

from collections.abc import Sequence

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
from maco_tf.spectrum.colour import from_image, stretched, to_image
from maco_tf.spectrum.frequencies import radial_frequency


def frequency_scale(height: int, width: int, decay: float = 1.0) -> np.ndarray:
    """Lucid's preconditioner: how much a unit of each bin's variable contributes to the image.

    Args:
        height: height of the image, pixels.
        width: width of the image, pixels.
        decay: power of the frequency. 0 treats all frequencies alike; 1 gives each octave the same energy, as in
            natural images.

    Returns:
        Array (height, width // 2 + 1), float32: sqrt(height * width) / max(f, 1 / max(height, width))**decay, with f in
        cycles per pixel. The bin at zero frequency has the scale of the lowest other frequency.
    """
    lowest = 1.0 / max(height, width)
    frequency = np.maximum(radial_frequency(height, width), lowest)
    return (np.sqrt(height * width) / frequency**decay).astype("float32")


class FourierParametrization(Parametrization):
    """Images `to_image(gain * irfft2(scale * (a + ib)))` with free a and b: twice as many variables as MACO.

    Args:
        image_shape: `(height, width, channels)` of the images, pixels.
        batch_size: number of images.
        decay: see `frequency_scale`; at least 0.
        std: standard deviation of the starting a and b, above 0.
        gain: factor of the image before the sigmoid, above 0. It sets how far one step of Adam moves the image, because
            Adam's step does not depend on the size of the gradient. For 512 x 512 pixels, decay 1 and a learning rate
            of 0.05, a step moves the image by a root mean square of 0.43 with a gain of 1, which saturates the sigmoid
            within ten steps, and of 0.11 with Lucid's 1/4.
        step_blur: standard deviation of a Gaussian, pixels, with which the image is blurred after every
            `step_blur_every`-th step of the optimizer, as in Yosinski et al., 2015; 0 turns it off. The
            blurs of a run add up. The Gaussian wraps around the border, as the waves of a spectrum do.
        step_blur_every: number of steps from one blur to the next, at least 1.
        stretch: whether each image is stretched to the full range [0, 1] after the sigmoid, as in xplique.
        decorrelate: whether the three channels of the spectrum are decorrelated colours; otherwise they are red, green
            and blue.

    Raises:
        ValueError: an argument lies outside its range.

    Source: Olah et al., 2017, "Feature Visualization"; Lucid's `fft_image`, where the gain is an unexplained `/ 4`.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        batch_size: int = 1,
        *,
        decay: float = 1.0,
        std: float = 0.01,
        gain: float = 0.25,
        step_blur: float = 0.0,
        step_blur_every: int = 1,
        stretch: bool = False,
        decorrelate: bool = True,
    ) -> None:
        super().__init__(image_shape, batch_size)
        self.std = check_number("std", std, above=0)
        self.gain = check_number("gain", gain, above=0)
        self.step_blur, self.step_blur_every = check_step_blur(step_blur, step_blur_every)
        self.stretch = check_flag("stretch", stretch)
        self.decorrelate = check_flag("decorrelate", decorrelate)
        self.scale = frequency_scale(*self.image_shape[:2], check_number("decay", decay, least=0))

    def initialize(self, seed: int) -> list[tf.Tensor]:
        shape = (2, self.image_shape[2], *self.scale.shape)
        return [normal_start(seed, self.batch_size, shape, self.std)]

    def after_step(self, variables: list[tf.Tensor], done: int | tf.Tensor) -> list[tf.Tensor]:
        if not self.step_blur:
            return variables
        (spectrum,) = variables
        # The Fourier transform of a Gaussian.
        kept = np.exp(-2 * (np.pi * self.step_blur * radial_frequency(*self.image_shape[:2])) ** 2).astype("float32")
        return [every(self.step_blur_every, done, lambda: kept * spectrum, spectrum)]

    def from_images(self, images: np.ndarray) -> list[tf.Tensor]:
        refuse_start_with("stretch", self.stretch)
        x = from_image(tf.constant(images), decorrelate=self.decorrelate).numpy().astype("float64")
        spectrum = np.fft.rfft2(x, axes=(1, 2)).transpose(0, 3, 1, 2) / (self.gain * self.scale)
        return [tf.constant(np.stack([spectrum.real, spectrum.imag], axis=1), tf.float32)]

    def spatial(self, variables: list[tf.Tensor]) -> tf.Tensor:
        """Compute the images before colour correlation and sigmoid.

        Args:
            variables: one tensor (batch, 2, channels, height, width // 2 + 1): real and imaginary parts.

        Returns:
            Tensor (batch, height, width, channels), float32, unbounded.
        """
        scaled = self.gain * self.scale * variables[0]
        x = tf.signal.irfft2d(tf.complex(scaled[:, 0], scaled[:, 1]), self.image_shape[:2])
        return tf.transpose(x, (0, 2, 3, 1))

    def image(self, variables: list[tf.Tensor]) -> tf.Tensor:
        images = to_image(self.spatial(variables), decorrelate=self.decorrelate)
        return stretched(images) if self.stretch else images
