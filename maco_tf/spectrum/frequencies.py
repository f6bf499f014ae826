"""The bins of a real Fourier transform: their frequencies, their symmetry, and magnitudes on other grids."""

import numpy as np
from scipy.interpolate import RegularGridInterpolator


def frequency_axes(height, width):
    """Signed frequencies of the bins of `rfft2`, along each axis.

    Args:
        height: image height, pixels.
        width: image width, pixels.

    Returns:
        `(ky, kx)`: arrays of shapes (height, 1) and (1, width // 2 + 1), cycles per pixel; ky runs from 0 up,
        then through the negative frequencies, as in `numpy.fft.fftfreq`.
    """
    return np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]


def radial_frequency(height, width):
    """Distance of every bin of `rfft2` from the origin.

    Args:
        height: image height, pixels.
        width: image width, pixels.

    Returns:
        Array (height, width // 2 + 1), float64, cycles per pixel, from 0 to about 0.71.
    """
    return np.hypot(*frequency_axes(height, width))


# The packaged magnitude falls to 5e-7 in a corner; below this, logarithms would only spread noise.
_FLOOR = 1e-6


def symmetrize(magnitude, width):
    """Make the magnitude one that a real image can have: r(-ky) = r(ky) where kx is 0 or Nyquist.

    Args:
        magnitude: array (channels, height, width // 2 + 1).
        width: image width, pixels.

    Returns:
        A new array of the same shape; other columns are as they were.
    """
    magnitude = np.array(magnitude)
    for column in self_conjugate_columns(width):
        values = magnitude[..., column]
        mirrored = np.roll(values[..., ::-1], 1, axis=-1)
        magnitude[..., column] = (values + mirrored) / 2
    return magnitude


def self_conjugate_columns(width):
    """The columns of `rfft2` that hold both k and -k: kx = 0 and, for an even width, Nyquist."""
    return (0,) if width % 2 else (0, width // 2)


def bin_weights(width):
    """How often each column of `rfft2` counts in the full spectrum.

    Args:
        width: image width, pixels.

    Returns:
        Array (width // 2 + 1,): 2, or 1 where the column holds its own conjugates.
    """
    weights = np.full(width // 2 + 1, 2.0)
    weights[list(self_conjugate_columns(width))] = 1.0
    return weights


def standard_deviation(magnitude, width):
    """Standard deviation of every image with this magnitude (Parseval).

    Args:
        magnitude: array (channels, height, width // 2 + 1).
        width: image width, pixels.

    Returns:
        Array (channels,).
    """
    power = np.asarray(magnitude, "float64") ** 2 * bin_weights(width)
    power[:, 0, 0] = 0.0
    return np.sqrt(power.sum(axis=(1, 2))) / (magnitude.shape[1] * width)


def resize_magnitude(magnitude, old_width, height, width):
    """Interpolate a magnitude at the frequencies of another image size.

    Logarithms are interpolated over signed cycles per pixel, so that the halves of the ky axis do not mix and a
    power law stays one; then the standard deviation and the mean are restored exactly.

    Args:
        magnitude: array (channels, old_height, old_width // 2 + 1).
        old_width: pixels.
        height: new height, pixels.
        width: new width, pixels.

    Returns:
        Array (channels, height, width // 2 + 1), float64.
    """
    if min(height, width) < 2:
        raise ValueError(f'"height" and "width" must be at least 2. Received: {height} x {width}.')
    old_height = magnitude.shape[1]
    source = np.array(magnitude, "float64")
    # The mean is no neighbour of the slowest waves: put their own size in its place while interpolating.
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
