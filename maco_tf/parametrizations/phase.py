"""MACO's parametrization: the phase is free, the magnitude that of natural images."""

import math

import numpy as np
import tensorflow as tf

from maco_tf.parametrizations.parametrization import Parametrization
from maco_tf.spectrum.colour import from_image, to_image
from maco_tf.spectrum.frequencies import self_conjugate_columns, standard_deviation

# Weaker waves are lifted to this part of white noise of the image's standard deviation. Rounding an
# image to float32 is white noise of 3e-8, which would change them by more than a thousandth.
_FLOOR = 4e-4


class PhaseParametrization(Parametrization):
    """Images `to_image(irfft2(r exp(i phi)))` with a fixed magnitude r and a free phase phi.

    Every bin of `abs(rfft2(spatial(...)))` is r, at every step. By Parseval, so are the image's mean and standard
    deviation before the sigmoid: there is nothing to normalise. Two things are done to the magnitude given. The
    bin at zero frequency, the image's mean, is left only a sign by a real image, which cannot follow a gradient, so
    `mean_level` sets it. And waves too weak for a float32 image are lifted to the least it can hold: of
    ImageNet's, some of those beyond 0.45 cycles per pixel, a millionth of the energy.

    Args:
        magnitude: a `maco_tf.Magnitude` of the images' size.
        batch_size: number of images.
        mean_level: the image's mean in the decorrelated space, as a fraction of the natural one's:
            0 is a mid-grey mean, 1 the natural images' mean absolute level.
        phase: "uniform": the phase starts uniform in (-pi, pi) and is free; or "standardized": it starts normal and is
            brought back to mean 0 and standard deviation 1 at every step, as in xplique, which keeps
            a coherent peak: a bright corner.

    Source: Fel et al., 2023 (arXiv:2306.06805), section 3.2.
    """

    def __init__(self, magnitude, batch_size=1, *, mean_level=0.0, phase="uniform"):
        super().__init__(batch_size, magnitude.height, magnitude.width, magnitude.channels)
        if phase not in ("uniform", "standardized"):
            raise ValueError(f'"phase" must be "uniform" or "standardized". Received: {phase!r}.')
        self.phase = phase
        self.magnitude = magnitude.values.copy()
        self.magnitude[:, 0, 0] = 0.0
        floor = _FLOOR * standard_deviation(self.magnitude, self.width) * math.sqrt(self.height * self.width)
        np.maximum(self.magnitude, floor[:, None, None], out=self.magnitude)
        self.magnitude[:, 0, 0] = mean_level * magnitude.values[:, 0, 0]

    def initialize(self, seed):
        # A key for each image: image i of a batch starts as image i of a larger batch does. The same on every device.
        phases = [self._initial_phase((seed, index)) for index in range(self.batch_size)]
        return [tf.stack(phases)]

    def _initial_phase(self, key):
        shape = self.magnitude.shape
        if self.phase == "standardized":
            phase = tf.random.stateless_normal(shape, key, alg="philox")
        else:
            phase = tf.random.stateless_uniform(shape, key, -math.pi, math.pi, alg="philox")
        # Phase 0 at zero frequency: the mean's sign is that of `mean_level`.
        free = np.ones(shape, "float32")
        free[:, 0, 0] = 0.0
        return phase * free

    def from_images(self, images):
        """The images' phase; their magnitude gives way to the parametrization's.

        At zero frequency, the mean, the sign is kept as 0 or pi.
        """
        if self.phase == "standardized":
            raise ValueError(
                '"start" must be None where the phase is standardized at every step, which changes an image\'s phase. '
                'Received: images. Take a recipe whose phase is uniform, "default" or "paper".'
            )
        x = from_image(tf.constant(images)).numpy().astype("float64")
        spectrum = np.fft.rfft2(x, axes=(1, 2)).transpose(0, 3, 1, 2)
        return [tf.constant(np.angle(spectrum), tf.float32)]

    def spatial(self, variables):
        """The images before colour correlation and sigmoid: those whose magnitude is exact.

        Args:
            variables: list of one tensor, the phase (batch, channels, height, width // 2 + 1), radians.

        Returns:
            Tensor (batch, height, width, channels), float32, unbounded.
        """
        phase = variables[0]
        if self.phase == "standardized":
            mean, variance = tf.nn.moments(phase, axes=(1, 2, 3), keepdims=True)
            phase = (phase - mean) / (tf.sqrt(variance) + 1e-5)
        phase = hermitian_phase(phase, self.width)
        magnitude = tf.constant(self.magnitude)
        # In float32 the strong slow waves' rounding would drown the weak fast ones.
        real, imaginary = (tf.cast(magnitude * part(phase), tf.float64) for part in (tf.cos, tf.sin))
        x = tf.signal.irfft2d(tf.complex(real, imaginary), (self.height, self.width))
        return tf.transpose(tf.cast(x, tf.float32), (0, 2, 3, 1))

    def image(self, variables):
        return to_image(self.spatial(variables))


def hermitian_phase(phase, width):
    """Make every bin's phase one that a real image can have.

    `irfft2` ignores the antisymmetric part of the columns kx = 0 and kx = Nyquist, so a free phase there would
    let the image's magnitude differ from the one asked for. Here phi(-ky) = -phi(ky) holds in these
    columns, and bins that are their own conjugates are real: the sign of cos(phi), without gradient.

    Args:
        phase: tensor (..., height, width // 2 + 1), float32, radians.
        width: image width, pixels.

    Returns:
        Tensor of the same shape.
    """
    lasts = len(self_conjugate_columns(width)) - 1
    # Split, not sliced: the gradient of a slice is as large as the whole, and there would be three to add.
    first, free, *last = tf.split(phase, [1, phase.shape[-1] - 1 - lasts, *[1] * lasts], axis=-1)
    return tf.concat([_antisymmetric(first), free, *map(_antisymmetric, last)], axis=-1)


def _antisymmetric(column):
    """A column (..., height, 1): bins 1 .. (height - 1) // 2 are free, their mirror images follow."""
    height = column.shape[-2]
    half = (height - 1) // 2
    free = column[..., 1 : half + 1, :]
    parts = [_real(column[..., :1, :]), free]
    if height % 2 == 0:
        parts.append(_real(column[..., half + 1 : half + 2, :]))
    parts.append(-tf.reverse(free, axis=[-2]))
    return tf.concat(parts, axis=-2)


def _real(phase):
    """0 or pi, whichever is nearer."""
    return tf.where(tf.cos(phase) >= 0, 0.0, 3.14159265358979)
