"""The frequencies of a real two-dimensional Fourier transform."""

import numpy as np


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
