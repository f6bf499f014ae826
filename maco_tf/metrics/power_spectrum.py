"""The power spectrum of a set of images, as a value."""

import dataclasses
import functools

import numpy as np
from scipy.signal.windows import hann

from maco_tf.metrics.fit import fit_image
from maco_tf.metrics.image_set import ImageSet
from maco_tf.spectrum.estimate import estimate_magnitude
from maco_tf.spectrum.frequencies import bin_weights, radial_frequency
from maco_tf.spectrum.magnitude import Magnitude


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


# What rounding to 8 bits adds to every frequency: a step's variance, spread over one (cycle per pixel)^2. Less power
# than this is in no file and on no screen, and has no say in a deviation.
_FLOOR = (1 / 255) ** 2 / 12


def power_spectrum(images, *, window="hann", size=None):
    """Mean power spectral density of images, for each of their own channels.

    Channels are the images' pixel values, red, green and blue, not the decorrelated ones before the sigmoid in which
    MACO keeps its magnitude: this is the picture as it is seen, clipping included.

    Args:
        images: see `ImageSet`; all of one size, unless `size` is given. They are read once and never held together.
        window: "hann" weighs the image down towards its border, as photographs need: they do not continue at the
            opposite edge, and the jump there is power at every frequency along the axes. `None` takes images as they
            are, for exact values of periodic ones. Compare only spectra of one window.
        size: `(height, width)` of the centre to take from every image, unresized, as resizing changes what is
            measured; an image that is smaller is refused.

    Returns:
        A `PowerSpectrum`. Each image's mean is taken off first.

    Raises:
        ValueError: no image, different sizes without `size`, an image smaller than `size`, or an unknown window.
    """
    if window not in ("hann", None):
        raise ValueError(f'"window" must be "hann" or None. Received: {window!r}.')
    total, count = 0.0, 0
    for image in _centres(images, size):
        weights = _window(window, *image.shape[:2])
        # The mean under the window: what is left then has none at zero frequency, and leaks none to its neighbours.
        image = (image - np.sum(weights * image, axis=(0, 1), dtype="float64") / np.sum(weights)) * weights
        total = total + np.abs(np.fft.rfft2(image, axes=(0, 1))) ** 2 / np.sum(weights**2)
        count += 1
    return PowerSpectrum(np.moveaxis(total / count, -1, 0), image.shape[1])


def radial_profile(spectrum, *, bins=None):
    """A spectrum's mean over rings of equal frequency; see `PowerSpectrum.radial_profile`.

    Args:
        spectrum: a `PowerSpectrum`.
        bins: number of rings.

    Returns:
        `(frequency, power)`: arrays (bins,), cycles per pixel, and (channels, bins), density.
    """
    return spectrum.radial_profile(bins)


def spectrum_deviation(images, reference, *, size=None):
    """How far the images' power is from the natural one, over all frequencies. Lower is better.

    The root mean square, over rings of equal width from the lowest frequency to half a cycle per pixel and over
    channels, of log10 of the ratio of powers: 1 means a factor of ten. Both too much and too little power count, and
    so does the images' contrast.

    It does not measure content: noise shaped to the natural spectrum scores 0, and MACO is made to score low. It
    tells whether an image could be natural by this one property, not whether it is.

    Args:
        images: see `power_spectrum`.
        reference: natural images, as `power_spectrum` takes them, or their `PowerSpectrum` with the Hann window, of any
            size; or a `Magnitude` such as `imagenet_magnitude()`, resized to the images' size: then both are compared
            as mean magnitudes, without a window, in the decorrelated space before the sigmoid. ImageNet's published
            magnitude is that of images enlarged to 512 pixels: its power falls off faster, and sharp photographs
            deviate from it by more than a decade. It tells whether images keep to MACO's constraint; for what
            is natural, give images.
        size: see `power_spectrum`; for `images` and for a reference set of images.

    Returns:
        float, decades of power.

    Raises:
        ValueError: see `power_spectrum`; or other channels than the reference's.
    """
    if isinstance(reference, Magnitude):
        # A mean of magnitudes, squared, lies below the mean power (by 1.05 dB for Gaussian bins): like with like.
        measured = estimate_magnitude(np.stack(list(_centres(images, size))), verbose=0)
        reference = PowerSpectrum.from_magnitude(reference.resized(measured.height, measured.width))
        measured = PowerSpectrum.from_magnitude(measured)
    else:
        measured = power_spectrum(images, size=size)
        if not isinstance(reference, PowerSpectrum):
            reference = power_spectrum(reference, size=size)
    if len(measured.values) != len(reference.values):
        raise ValueError(
            f'"reference" must have the images\' {len(measured.values)} channels. Received: {len(reference.values)}.'
        )
    bins = min(measured.height, measured.width, reference.height, reference.width) // 2
    return profile_deviation(measured.radial_profile(bins)[1], reference.radial_profile(bins)[1])


def profile_deviation(measured, reference):
    """`spectrum_deviation` of two sets whose radial profiles are known: their mean over images is the set's.

    Args:
        measured: array (channels, bins), power; see `PowerSpectrum.radial_profile`.
        reference: array of the same shape.

    Returns:
        float, decades of power.
    """
    logs = [np.log10(np.maximum(profile, _FLOOR)) for profile in (measured, reference)]
    return float(np.sqrt(np.mean((logs[0] - logs[1]) ** 2)))


def high_frequency_fraction(images, *, cutoff=0.25, size=None):
    """Share of the images' variance in high frequencies: a few hundredths in sharp photographs, 0.8 in white noise.

    It does not measure whether these frequencies are texture or noise, and a blurred image, which has none, is no
    better for it: compare with natural images of the same size and source.

    Args:
        images: see `power_spectrum`; the Hann window is used. Or their `PowerSpectrum`.
        cutoff: cycles per pixel, in (0, 0.5]; radial frequencies above it are high.
        size: see `power_spectrum`.

    Returns:
        float in [0, 1], over all images and channels together.

    Raises:
        ValueError: see `power_spectrum`; or images without any variance.
    """
    if not 0 < cutoff <= 0.5:
        raise ValueError(f'"cutoff" must lie in (0, 0.5]. Received: {cutoff!r}. It is in cycles per pixel.')
    spectrum = images if isinstance(images, PowerSpectrum) else power_spectrum(images, size=size)
    power = np.sum(spectrum.values, axis=0) * bin_weights(spectrum.width)
    # Rounding leaves a constant image about 1e-17 of its mean.
    if np.mean(power) < 1e-12:
        raise ValueError('"images" must vary. Received: images of one colour, which have no spectrum.')
    return float(power[radial_frequency(spectrum.height, spectrum.width) > cutoff].sum() / power.sum())


def _centres(images, size):
    """The images or their centres, at least one, all of one size."""
    shape = None
    for image in ImageSet(images):
        if size is not None:
            if image.shape[0] < size[0] or image.shape[1] < size[1]:
                raise ValueError(f'"size" must fit into every image. Received: {tuple(size)}, and one {image.shape}.')
            image = fit_image(image, *size, fit="crop")
        if shape not in (None, image.shape):
            raise ValueError(f'"images" must have one size, or "size" be given. Received: {image.shape} after {shape}.')
        shape = image.shape
        yield image
    if shape is None:
        raise ValueError('"images" must hold at least one image. Received: none.')


@functools.lru_cache(maxsize=4)
def _window(window, height, width):
    if window is None:
        return np.ones((height, width, 1))
    return np.outer(hann(height, sym=False), hann(width, sym=False))[..., None]
