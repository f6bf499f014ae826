"""MACO's parametrization: the phase is free, and the magnitude is that of natural images."""

import math
from typing import Literal

import numpy as np
import tensorflow as tf

from maco_tf.checks import check_choice, check_number
from maco_tf.parametrizations.parametrization import Parametrization
from maco_tf.spectrum.colour import from_image, to_image
from maco_tf.spectrum.frequencies import self_conjugate_columns, standard_deviation
from maco_tf.spectrum.magnitude import Magnitude

# Weaker bins are raised to this fraction of white noise with the image's standard deviation. Rounding an image to
# float32 adds white noise of 3e-8, which would change weaker bins by more than a thousandth.
_FLOOR = 4e-4

PHASES = ("uniform", "standardized")


class PhaseParametrization(Parametrization):
    """Images `to_image(irfft2(r exp(i phi)))` with a fixed magnitude r and a free phase phi.

    Every bin of `abs(rfft2(spatial(...)))` equals r at every step. By Parseval's theorem, the image's mean and standard
    deviation before the sigmoid are constant as well, so nothing needs to be normalised. The given magnitude is changed
    in two places:

    - The bin at zero frequency holds the image's mean. A real image leaves it only a sign, which cannot follow a
      gradient, so `mean_level` sets it.
    - Bins that are too weak for a float32 image are raised to the smallest magnitude that it can hold. At 512 x 512
      pixels, this concerns 8% of the bins of ImageNet's magnitude, all beyond 0.49 cycles per pixel. Raised, they hold
      1e-8 of the energy.

    Args:
        magnitude: a `maco_tf.Magnitude` of the images' size. The channels are decorrelated colours if its channels are;
            otherwise they are red, green and blue.
        batch_size: number of images.
        mean_level: the image's mean in the decorrelated space, as a fraction of the natural one, at least 0. 0 is a
            mid-grey mean, and 1 is `magnitude.mean`. If that is not known, as for ImageNet, 1 is the mean absolute
            level of natural images, which is bright.
        phase: "uniform": the phase starts uniform in (-pi, pi) and is free. "standardized": it starts normal and is
            brought back to mean 0 and standard deviation 1 at every step, as in xplique, which keeps a coherent peak:
            a bright corner.

    Raises:
        ValueError: an argument lies outside its range.

    Source: Fel et al., 2023 (arXiv:2306.06805), section 3.2.
    """

    def __init__(
        self,
        magnitude: Magnitude,
        batch_size: int = 1,
        *,
        mean_level: float = 0.0,
        phase: Literal["uniform", "standardized"] = "uniform",
    ) -> None:
        super().__init__((magnitude.height, magnitude.width, magnitude.channels), batch_size)
        self.phase: str = check_choice("phase", phase, PHASES)
        mean_level = check_number("mean_level", mean_level, least=0)
        self.decorrelate = magnitude.decorrelated
        self.magnitude = magnitude.values.copy()
        self.magnitude[:, 0, 0] = 0.0
        height, width, _ = self.image_shape
        floor = _FLOOR * standard_deviation(self.magnitude, width) * math.sqrt(height * width)
        np.maximum(self.magnitude, floor[:, None, None], out=self.magnitude)
        # With its sign, if that is known: the only bin that may be negative.
        self._signed = magnitude.mean is not None
        total = magnitude.values[:, 0, 0] if magnitude.mean is None else magnitude.mean * (height * width)
        self.magnitude[:, 0, 0] = mean_level * total

    @property
    def in_force(self) -> Magnitude:
        """The magnitude and the mean of the images: the given ones after `mean_level` and the raising of weak bins."""
        height, width, _ = self.image_shape
        mean = self.magnitude[:, 0, 0].astype("float64") / (height * width)
        return Magnitude(np.abs(self.magnitude), width, mean, self.decorrelate)

    def initialize(self, seed: int) -> list[tf.Tensor]:
        return [tf.stack([self._initial_phase((seed, index)) for index in range(self.batch_size)])]

    def _initial_phase(self, key: tuple[int, int]) -> tf.Tensor:
        shape = self.magnitude.shape
        # A fixed generator, since devices would choose different ones.
        if self.phase == "standardized":
            phase = tf.random.stateless_normal(shape, key, alg="philox")
        else:
            phase = tf.random.stateless_uniform(shape, key, -math.pi, math.pi, alg="philox")
        # Phase 0 at zero frequency: the mean has the sign of `mean_level`.
        free = np.ones(shape, "float32")
        free[:, 0, 0] = 0.0
        return phase * free

    def from_images(self, images: np.ndarray) -> list[tf.Tensor]:
        """Take the phase of the images; the parametrization's magnitude replaces theirs.

        The mean is that of `mean_level`. If the mean of the magnitude is not known, its sign is that of the images'
        mean, which is kept as a phase of 0 or pi at zero frequency.
        """
        if self.phase == "standardized":
            raise ValueError(
                '"start" must be None where the phase is standardized at every step, because that changes an image\'s '
                'phase. Received: images. Use a recipe with a uniform phase, such as "default" or "paper".'
            )
        x = from_image(tf.constant(images), decorrelate=self.decorrelate).numpy().astype("float64")
        spectrum = np.fft.rfft2(x, axes=(1, 2)).transpose(0, 3, 1, 2)
        phase = np.angle(spectrum)
        if self._signed:
            phase[..., 0, 0] = 0.0
        return [tf.constant(phase, tf.float32)]

    def spatial(self, variables: list[tf.Tensor]) -> tf.Tensor:
        """Compute the images before colour correlation and sigmoid, whose magnitude is exact.

        Args:
            variables: one tensor (batch, channels, height, width // 2 + 1): the phase, radians.

        Returns:
            Tensor (batch, height, width, channels), float32, unbounded.
        """
        height, width, _ = self.image_shape
        phase = variables[0]
        if self.phase == "standardized":
            mean, variance = tf.nn.moments(phase, axes=(1, 2, 3), keepdims=True)
            phase = (phase - mean) / (tf.sqrt(variance) + 1e-5)
        phase = hermitian_phase(phase, width)
        magnitude = tf.constant(self.magnitude)
        # In float32, rounding of the strong low frequencies would drown the weak high ones.
        real, imaginary = (tf.cast(magnitude * part(phase), tf.float64) for part in (tf.cos, tf.sin))
        x = tf.signal.irfft2d(tf.complex(real, imaginary), (height, width))
        return tf.transpose(tf.cast(x, tf.float32), (0, 2, 3, 1))

    def image(self, variables: list[tf.Tensor]) -> tf.Tensor:
        return to_image(self.spatial(variables), decorrelate=self.decorrelate)


def hermitian_phase(phase: tf.Tensor, width: int) -> tf.Tensor:
    """Make each bin's phase one that a real image can have.

    The columns kx = 0 and kx = Nyquist of `rfft2` hold both k and -k. `irfft2` ignores the antisymmetric part of these
    columns, so with a free phase there, the image's magnitude would differ from the given one. This function sets
    phi(-ky) = -phi(ky) in these columns. A bin that is its own conjugate is real: it takes the sign of cos(phi), which
    has no gradient.

    Args:
        phase: tensor (..., height, width // 2 + 1), float32, radians.
        width: width of the image, pixels.

    Returns:
        Tensor of the same shape.
    """
    lasts = len(self_conjugate_columns(width)) - 1
    # Split, not sliced: the gradient of each slice is as large as the whole tensor, and there would be three to add.
    first, free, *last = tf.split(phase, [1, phase.shape[-1] - 1 - lasts, *[1] * lasts], axis=-1)
    return tf.concat([_antisymmetric(first), free, *map(_antisymmetric, last)], axis=-1)


def _antisymmetric(column: tf.Tensor) -> tf.Tensor:
    """A column (..., height, 1) whose bins 1 .. (height - 1) // 2 are free; their mirror images follow."""
    height = column.shape[-2]
    half = (height - 1) // 2
    free = column[..., 1 : half + 1, :]
    parts = [_real(column[..., :1, :]), free]
    if height % 2 == 0:
        parts.append(_real(column[..., half + 1 : half + 2, :]))
    parts.append(-tf.reverse(free, axis=[-2]))
    return tf.concat(parts, axis=-2)


def _real(phase: tf.Tensor) -> tf.Tensor:
    """The nearer of 0 and pi."""
    return tf.where(tf.cos(phase) >= 0, 0.0, 3.14159265358979)
