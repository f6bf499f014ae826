"""The power spectrum of a set of images, and the scores that compare it with that of natural images."""

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np
from scipy.signal.windows import hann

from maco_tf.checks import check_choice, check_integer, check_number, check_size
from maco_tf.images.image_set import Images, ImageSet
from maco_tf.metrics.fit import fit_image
from maco_tf.spectrum.estimate import estimate_magnitude
from maco_tf.spectrum.frequencies import bin_weights, radial_frequency
from maco_tf.spectrum.magnitude import Magnitude

# The power that rounding to 8 bits adds at every frequency: the variance of one rounding step, spread over one
# (cycle per pixel)^2. Files and screens cannot show less power than this, so a deviation ignores it.
_FLOOR = (1 / 255) ** 2 / 12


@dataclasses.dataclass(frozen=True, eq=False)
class PowerSpectrum:
    """Mean power spectral density on the frequency grid of `rfft2`.

    Its integral over all frequencies, which equals its mean over all bins of the full spectrum, is the variance of the
    images. Spectra of images of different sizes can therefore be compared at equal cycles per pixel.

    Attributes:
        values: array (channels, height, width // 2 + 1), float64, not negative; the vertical frequencies are ordered as
            in `numpy.fft.fftfreq`. The bin at zero frequency, which is the mean, is set to 0.
        width: width of the images, pixels; `values` alone does not tell whether it is even or odd.

    Raises:
        ValueError: `values` has another shape, or holds negative values, NaN or infinity.
    """

    values: np.ndarray
    width: int

    def __post_init__(self) -> None:
        values, width = np.array(self.values, "float64"), check_integer("width", self.width, 1)
        if values.ndim != 3 or values.shape[2] != width // 2 + 1:
            raise ValueError(
                f'"values" must have the shape (channels, height, width // 2 + 1) with "width" = {width}. '
                f"Received: shape {values.shape}."
            )
        if not np.isfinite(values).all() or (values < 0).any():
            raise ValueError('"values" must be finite and not negative. Received: an array that is not.')
        values[:, 0, 0] = 0.0
        values.setflags(write=False)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "width", width)

    @property
    def height(self) -> int:
        """Height of the images, pixels."""
        return self.values.shape[1]

    @classmethod
    def from_magnitude(cls, magnitude: Magnitude) -> "PowerSpectrum":
        """The power spectrum of every image that has exactly this magnitude: its square, as a density.

        Args:
            magnitude: a `Magnitude`; its channels are the decorrelated ones, before the sigmoid.

        Returns:
            A `PowerSpectrum` of the same channels.
        """
        size = magnitude.height * magnitude.width
        return cls(magnitude.values.astype("float64") ** 2 / size, magnitude.width)

    def full(self) -> np.ndarray:
        """Both halves of the spectrum with zero frequency in the centre, for drawing.

        Returns:
            Array (channels, height, width), float64.
        """
        # A real image has equal power at k and -k.
        half = self.values[:, :, 1 : (self.width + 1) // 2]
        mirrored = np.roll(half[:, ::-1, ::-1], 1, axis=1)
        return np.fft.fftshift(np.concatenate([self.values, mirrored], axis=2), axes=(1, 2))

    def radial_profile(self, bins: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Mean power in rings around zero frequency.

        Args:
            bins: number of rings, from 1 to half of the image's shorter side, which is the default (`None`). The middle
                of ring i, counted from 1, lies at i / (2 bins) cycles per pixel. The rings leave out frequencies below
                the first ring and the corners of the spectrum beyond the last one, at half a cycle per pixel.

        Returns:
            `(frequency, power)`: array (bins,), cycles per pixel, and array (channels, bins), density.

        Raises:
            ValueError: `bins` is not an integer in this range; a narrower ring could be empty.
        """
        most = min(self.height, self.width) // 2
        bins = most if bins is None else check_integer("bins", bins, 1, most)
        ring = np.round(radial_frequency(self.height, self.width) * 2 * bins).astype(int).ravel()
        weights = np.broadcast_to(bin_weights(self.width), self.values.shape[1:]).ravel()
        counts = np.bincount(ring, weights)[1 : bins + 1]
        sums = [np.bincount(ring, weights * channel.ravel())[1 : bins + 1] for channel in self.values]
        return np.arange(1, bins + 1) / (2 * bins), np.array(sums) / counts


def power_spectrum(
    images: Images, *, window: str | None = "hann", size: int | tuple[int, int] | None = None
) -> PowerSpectrum:
    """Mean power spectral density of images, for each channel.

    The channels are those of the images, such as red, green and blue, and not the decorrelated ones before the sigmoid
    in which MACO keeps its magnitude. The spectrum is that of the picture as people see it, clipping included.

    Args:
        images: see `ImageSet`; all images have one size, unless `size` is set. Each image is read once and they are
            never all held in memory.
        window: "hann" fades the image out towards its border. Photographs need it: they do not continue at the opposite
            edge, and the jump there would add power at all frequencies along the axes. `None` uses no window, which is
            exact for periodic images. Compare only spectra with the same window.
        size: `(height, width)` of the centre that is cut out of every image, pixels. The centre is not resized, because
            resizing changes the spectrum. `None` uses whole images.

    Returns:
        A `PowerSpectrum`. The mean of each image is subtracted first.

    Raises:
        ValueError: there is no image, sizes differ and `size` is not set, an image is smaller than `size`, or the
            window is unknown.
    """
    check_choice("window", window, ("hann", None))
    total, count = np.zeros(()), 0
    for image in _centres(images, size):
        weights = _window(window, *image.shape[:2])
        # Without its mean under the window, the image has no power at zero frequency that could leak into other bins.
        image = (image - np.sum(weights * image, axis=(0, 1), dtype="float64") / np.sum(weights)) * weights
        total = total + np.abs(np.fft.rfft2(image, axes=(0, 1))) ** 2 / np.sum(weights**2)
        count += 1
    return PowerSpectrum(np.moveaxis(total / count, -1, 0), image.shape[1])


def spectrum_deviation(
    images: Images, reference: Images | PowerSpectrum | Magnitude, *, size: int | tuple[int, int] | None = None
) -> float:
    """How far the images' power is from that of natural images, over all frequencies. Lower is better.

    The score is the root mean square of log10 of the ratio of powers, over channels and over rings of equal width, from
    the lowest frequency to half a cycle per pixel. A value of 1 means a factor of ten. Too much power and too little
    both count, and so does the contrast of the images.

    It does not measure content: noise with the natural spectrum scores 0, and MACO is designed to score low. It tells
    whether an image could be natural in this one respect, not whether it is.

    Args:
        images: see `power_spectrum`.
        reference: natural images, as `power_spectrum` takes them; their `PowerSpectrum` with the Hann window, of any
            size; or a `Magnitude`, such as `imagenet_magnitude()`. A magnitude is resized to the images' size, and both
            are compared as mean magnitudes without a window, in the decorrelated space before the sigmoid. ImageNet's
            published magnitude comes from images enlarged to 512 pixels, so its power falls off faster than that of
            sharp photographs, which deviate from it by more than a decade. Use a magnitude to see whether images meet
            MACO's constraint, and natural images to see whether their spectrum is natural.
        size: see `power_spectrum`; applies to `images` and to a reference set of images.

    Returns:
        float, decades of power.

    Raises:
        ValueError: see `power_spectrum`; or the reference has other channels than the images.
    """
    if isinstance(reference, Magnitude):
        # The square of a mean magnitude lies below the mean power, by 1.05 dB for Gaussian bins; so the images are
        # averaged as magnitudes too.
        magnitude = estimate_magnitude(np.stack(list(_centres(images, size))), periodic=False, verbose=0)
        measured = PowerSpectrum.from_magnitude(magnitude)
        natural = PowerSpectrum.from_magnitude(reference.resized(magnitude.height, magnitude.width))
    else:
        measured = power_spectrum(images, size=size)
        natural = reference if isinstance(reference, PowerSpectrum) else power_spectrum(reference, size=size)
    if len(measured.values) != len(natural.values):
        raise ValueError(
            f'"reference" must have {len(measured.values)} channels, as "images" do. Received: {len(natural.values)}.'
        )
    bins = min(measured.height, measured.width, natural.height, natural.width) // 2
    return profile_deviation(measured.radial_profile(bins)[1], natural.radial_profile(bins)[1])


def profile_deviation(measured: np.ndarray, reference: np.ndarray) -> float:
    """`spectrum_deviation` of two sets from their radial profiles. A set's profile is the mean over its images.

    Args:
        measured: array (channels, bins), power; see `PowerSpectrum.radial_profile`.
        reference: array of the same shape.

    Returns:
        float, decades of power.
    """
    logs = [np.log10(np.maximum(profile, _FLOOR)) for profile in (measured, reference)]
    return float(np.sqrt(np.mean((logs[0] - logs[1]) ** 2)))


def high_frequency_fraction(
    images: Images | PowerSpectrum, *, cutoff: float = 0.25, size: int | tuple[int, int] | None = None
) -> float:
    """Fraction of the images' variance in high frequencies: a few hundredths in sharp photographs, 0.8 in white noise.

    It does not measure whether high frequencies are texture or noise. Lower is not better either: a blurred image has
    no high frequencies at all. Compare with natural images of the same size and source.

    Args:
        images: see `power_spectrum`, which is computed with the Hann window; or a `PowerSpectrum`.
        cutoff: cycles per pixel, in (0, 0.5]; radial frequencies above it are high.
        size: see `power_spectrum`.

    Returns:
        float in [0, 1], over all images and channels together.

    Raises:
        ValueError: see `power_spectrum`; or the images have no variance.
    """
    cutoff = check_number("cutoff", cutoff, above=0, most=0.5)
    spectrum = images if isinstance(images, PowerSpectrum) else power_spectrum(images, size=size)
    power = np.sum(spectrum.values, axis=0) * bin_weights(spectrum.width)
    # Rounding leaves about 1e-17 of its mean in a constant image.
    if np.mean(power) < 1e-12:
        raise ValueError('"images" must vary. Received: images of one colour, which have no spectrum.')
    return float(power[radial_frequency(spectrum.height, spectrum.width) > cutoff].sum() / power.sum())


def _centres(images: Images, size: int | tuple[int, int] | None) -> Iterator[np.ndarray]:
    """Yield the images, or their centres of `size`. There is at least one, and all have one shape."""
    size, shape = None if size is None else check_size("size", size), None
    for image in ImageSet(images):
        if size is not None:
            if image.shape[0] < size[0] or image.shape[1] < size[1]:
                raise ValueError(
                    f'"size" must not exceed any image. Received: {size}, and an image of shape {image.shape}.'
                )
            image = fit_image(image, *size, fit="crop")
        if shape not in (None, image.shape):
            raise ValueError(
                f'"images" must have one size. Received: {image.shape} after {shape}. Set "size" to cut out centres of '
                "one size."
            )
        shape = image.shape
        yield image
    if shape is None:
        raise ValueError('"images" must hold at least one image. Received: none.')


@functools.lru_cache(maxsize=4)
def _window(window: str | None, height: int, width: int) -> np.ndarray:
    if window is None:
        return np.ones((height, width, 1))
    return np.outer(hann(height, sym=False), hann(width, sym=False))[..., None]
