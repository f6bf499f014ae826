"""Lucid's parametrization: the whole complex spectrum is free, scaled so that slow waves learn faster."""

import numpy as np
import tensorflow as tf

from maco_tf.checks import check_flag, check_number
from maco_tf.parametrizations.parametrization import (
    Parametrization,
    normal_start,
    refuse_start_with,
)
from maco_tf.spectrum.colour import from_image, stretched, to_image
from maco_tf.spectrum.frequencies import radial_frequency


def frequency_scale(height, width, decay=1.0):
    """Lucid's preconditioner: how much a unit of each bin's variable contributes to the image.

    Args:
        height: pixels.
        width: pixels.
        decay: power of the frequency; 0 treats all waves alike, 1 gives each octave the same energy, as natural
            images have it.

    Returns:
        Array (height, width // 2 + 1), float32: sqrt(height * width) / max(f, 1 / max(height, width))**decay, with f in
        cycles per pixel. The bin at zero frequency has the scale of the slowest wave.
    """
    slowest = 1.0 / max(height, width)
    frequency = np.maximum(radial_frequency(height, width), slowest)
    return (np.sqrt(height * width) / frequency**decay).astype("float32")


class FourierParametrization(Parametrization):
    """Images `to_image(gain * irfft2(scale * (a + ib)))` with free a and b: twice MACO's variables.

    Args:
        height: pixels.
        width: pixels.
        channels: colour channels; three are decorrelated.
        batch_size: number of images.
        decay: see `frequency_scale`.
        std: standard deviation of the starting a and b.
        gain: factor of the image before the sigmoid. It sets how far a step of Adam, whose size does not depend on
            the gradient's, moves the image: for 512 x 512, decay 1 and the learning rate 0.05, by a root mean square of
            0.43 with gain 1, which saturates the sigmoid within ten steps, and of 0.11 with Lucid's 1/4.
        stretch: whether each image's values are stretched to the whole of [0, 1] after the sigmoid, as in xplique.

    Source: Olah et al., 2017, "Feature Visualization"; Lucid's `fft_image`, where the gain is an unexplained `/ 4`.
    """

    def __init__(self, height, width, channels=3, batch_size=1, *, decay=1.0, std=0.01, gain=0.25, stretch=False):
        super().__init__(batch_size, height, width, channels)
        std = check_number("std", std, above=0)
        stretch = check_flag("stretch", stretch)
        gain = check_number("gain", gain, above=0)
        decay = check_number("decay", decay, least=0)
        self.std, self.gain, self.stretch = std, gain, stretch
        self.scale = frequency_scale(height, width, decay)

    def initialize(self, seed):
        shape = (2, self.channels, *self.scale.shape)
        return [normal_start(seed, self.batch_size, shape, self.std)]

    def from_images(self, images):
        refuse_start_with("stretch", self.stretch)
        x = from_image(tf.constant(images)).numpy().astype("float64")
        spectrum = np.fft.rfft2(x, axes=(1, 2)).transpose(0, 3, 1, 2) / (self.gain * self.scale)
        return [tf.constant(np.stack([spectrum.real, spectrum.imag], axis=1), tf.float32)]

    def spatial(self, variables):
        """The images before colour correlation and sigmoid.

        Args:
            variables: list of one tensor (batch, 2, channels, height, width // 2 + 1): real and imaginary parts.

        Returns:
            Tensor (batch, height, width, channels), float32, unbounded.
        """
        scaled = self.gain * self.scale * variables[0]
        x = tf.signal.irfft2d(tf.complex(scaled[:, 0], scaled[:, 1]), (self.height, self.width))
        return tf.transpose(x, (0, 2, 3, 1))

    def image(self, variables):
        images = to_image(self.spatial(variables))
        return stretched(images) if self.stretch else images
