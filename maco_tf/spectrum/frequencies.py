"""The bins of a real Fourier transform: their frequencies, their symmetry, and magnitudes on other grids.

`rfft2` of a real image of `height` x `width` pixels has height x (width // 2 + 1) bins. The other half of the spectrum
is the conjugate of this one, so most bins stand for two. Magnitudes in this file have the channels first.
"""

import numpy as np
from scipy.interpolate import RegularGridInterpolator

# Logarithms of smaller magnitudes would only spread noise: the packaged magnitude falls to 5e-7 in a corner.
_FLOOR = 1e-6


def frequency_axes(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Signed frequencies of the bins of `rfft2`, along each axis.

    Args:
        height: image height, pixels.
        width: image width, pixels.

    Returns:
        `(ky, kx)`: arrays (height, 1) and (1, width // 2 + 1), cycles per pixel. ky starts at 0, rises, and continues
        with the negative frequencies, as in `numpy.fft.fftfreq`.
    """
    return np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]


def radial_frequency(height: int, width: int) -> np.ndarray:
    """Distance of every bin of `rfft2` from the origin.

    Args:
        height: image height, pixels.
        width: image width, pixels.

    Returns:
        Array (height, width // 2 + 1), float64, cycles per pixel, from 0 to about 0.71.
    """
    return np.hypot(*frequency_axes(height, width))


def self_conjugate_columns(width: int) -> tuple[int, ...]:
    """The columns of `rfft2` that hold both k and -k.

    Args:
        width: image width, pixels.

    Returns:
        Indices of the columns: kx = 0 and, if the width is even, the Nyquist frequency.
    """
    return (0,) if width % 2 else (0, width // 2)


def bin_weights(width: int) -> np.ndarray:
    """How often each column of `rfft2` counts in the full spectrum.

    Args:
        width: image width, pixels.

    Returns:
        Array (width // 2 + 1,): 1 in self-conjugate columns, 2 in all others.
    """
    weights = np.full(width // 2 + 1, 2.0)
    weights[list(self_conjugate_columns(width))] = 1.0
    return weights


def symmetrize(magnitude: np.ndarray, width: int) -> np.ndarray:
    """Make a magnitude one that a real image can have: r(-ky) = r(ky) in self-conjugate columns.

    Args:
        magnitude: array (channels, height, width // 2 + 1).
        width: image width, pixels.

    Returns:
        New array of the same shape; other columns do not change.
    """
    magnitude = np.array(magnitude)
    for column in self_conjugate_columns(width):
        values = magnitude[..., column]
        mirrored = np.roll(values[..., ::-1], 1, axis=-1)
        magnitude[..., column] = (values + mirrored) / 2
    return magnitude


def standard_deviation(magnitude: np.ndarray, width: int) -> np.ndarray:
    """Standard deviation of every image with this magnitude, by Parseval's theorem.

    Args:
        magnitude: array (channels, height, width // 2 + 1).
        width: image width, pixels.

    Returns:
        Array (channels,).
    """
    power = np.asarray(magnitude, "float64") ** 2 * bin_weights(width)
    power[:, 0, 0] = 0.0
    return np.sqrt(power.sum(axis=(1, 2))) / (magnitude.shape[1] * width)


def resize_magnitude(magnitude: np.ndarray, old_width: int, height: int, width: int) -> np.ndarray:
    """Interpolate a magnitude at the frequencies of another image size.

    Logarithms are interpolated over signed cycles per pixel, so that the two halves of the ky axis do not mix and a
    power law stays a power law. Then the standard deviation and the mean are restored exactly.

    Args:
        magnitude: array (channels, old_height, old_width // 2 + 1).
        old_width: image width of this magnitude, pixels.
        height: new height, pixels, at least 2.
        width: new width, pixels, at least 2.

    Returns:
        Array (channels, height, width // 2 + 1), float64.
    """
    old_height = magnitude.shape[1]
    source = np.array(magnitude, "float64")
    # The mean says nothing about the slowest waves: while interpolating, their magnitude takes its place.
    source[:, 0, 0] = (source[:, 0, 1] + source[:, 1, 0]) / 2
    ky, kx = frequency_axes(old_height, old_width)
    order = np.argsort(ky[:, 0])
    interpolate = RegularGridInterpolator(
        (ky[order, 0], kx[0]), np.log(np.maximum(source[:, order], _FLOOR)).transpose(1, 2, 0)
    )
    new_ky, new_kx = frequency_axes(height, width)
    grid = np.broadcast_arrays(np.clip(new_ky, ky.min(), ky.max()), np.clip(new_kx, kx.min(), kx.max()))
    resized = np.exp(interpolate(np.stack(grid, axis=-1))).transpose(2, 0, 1)
    resized = symmetrize(resized, width)
    scale = standard_deviation(magnitude, old_width) / np.maximum(standard_deviation(resized, width), 1e-12)
    resized *= scale[:, None, None]
    resized[:, 0, 0] = magnitude[:, 0, 0] * (height * width) / (old_height * old_width)
    return resized
