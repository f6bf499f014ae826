"""The power spectrum of a set of images, as a value."""

import dataclasses

import numpy as np

from maco_tf.spectrum.grid import radial_frequency
from maco_tf.spectrum.resize import bin_weights


@dataclasses.dataclass(frozen=True, eq=False)
class PowerSpectrum:
    """Mean power spectral density on the grid of `rfft2`.

    Its integral over the plane of frequencies, which is its mean over all bins of the full spectrum, is the images'
    variance; so images of different sizes compare at equal cycles per pixel.

    Attributes:
        values: array (channels, height, width // 2 + 1), float64, not negative; ky as in `numpy.fft.fftfreq`. The bin
            at zero frequency, the mean, is 0.
        width: width of the images, pixels; `values` alone does not tell whether it is odd.
    """

    values: np.ndarray
    width: int

    def __post_init__(self):
        values = np.array(self.values, "float64")
        if values.ndim != 3 or values.shape[2] != self.width // 2 + 1:
            raise ValueError(
                f'"values" must have the shape (channels, height, width // 2 + 1) with "width" = {self.width}. '
                f"Received: shape {values.shape}."
            )
        if not np.isfinite(values).all() or (values < 0).any():
            raise ValueError('"values" must be finite and not negative. Received: an array that is not.')
        values[:, 0, 0] = 0.0
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    @property
    def height(self):
        """Height of the images, pixels."""
        return self.values.shape[1]

    @classmethod
    def from_magnitude(cls, magnitude):
        """The squares of a `Magnitude`: the density of every image that has exactly this magnitude.

        Args:
            magnitude: a `Magnitude`; its channels are decorrelated ones, before the sigmoid.

        Returns:
            A `PowerSpectrum` of the same channels.
        """
        size = magnitude.height * magnitude.width
        return cls(magnitude.values.astype("float64") ** 2 / size, magnitude.width)

    def full(self):
        """The spectrum with both halves, zero frequency in the centre, for drawing.

        Returns:
            Array (channels, height, width), float64.
        """
        # A real image has equal power at k and -k.
        half = self.values[:, :, 1 : (self.width + 1) // 2]
        mirrored = np.roll(half[:, ::-1, ::-1], 1, axis=1)
        return np.fft.fftshift(np.concatenate([self.values, mirrored], axis=2), axes=(1, 2))

    def radial_profile(self, bins=None):
        """Mean over rings of equal frequency.

        Args:
            bins: number of rings, from 1 to half the image's shorter side, which `None` takes. Ring i, from 1, has its
                middle at i / (2 bins) cycles per pixel. What lies below the first ring, and the corners beyond the
                last, half a cycle per pixel, are left out.

        Returns:
            `(frequency, power)`: arrays (bins,), cycles per pixel, and (channels, bins), density.

        Raises:
            ValueError: rings so narrow that one would hold nothing.
        """
        most = min(self.height, self.width) // 2
        bins = most if bins is None else bins
        if not isinstance(bins, int) or not 1 <= bins <= most:
            raise ValueError(
                f'"bins" must lie in [1, {most}] for images of {self.height} x {self.width}. Received: {bins!r}.'
            )
        ring = np.round(radial_frequency(self.height, self.width) * 2 * bins).astype(int).ravel()
        weights = np.broadcast_to(bin_weights(self.width), self.values.shape[1:]).ravel()
        counts = np.bincount(ring, weights)[1 : bins + 1]
        sums = [np.bincount(ring, weights * channel.ravel())[1 : bins + 1] for channel in self.values]
        return np.arange(1, bins + 1) / (2 * bins), np.array(sums) / counts
