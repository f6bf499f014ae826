"""The periodic component of images: what is left when the jump between opposite borders is taken away.

A Fourier transform repeats an image in all directions. The opposite borders of a photograph differ, and the jump from
one copy to the next is a strong horizontal and vertical edge that the photograph does not have: a cross on the axes of
its spectrum.
"""

import numpy as np

from maco_tf.spectrum.frequencies import frequency_axes


def periodic_spectrum(images: np.ndarray) -> np.ndarray:
    """`rfft2` of the periodic component of images.

    An image is the sum of a periodic component and a smooth one. The discrete Laplacian of the periodic component,
    taken across the borders, is the image's Laplacian taken inside them. So the smooth component is harmonic except at
    the borders, where it holds their difference. It has mean 0. If opposite borders are equal, it is 0.

    Args:
        images: array (batch, height, width, channels), real.

    Returns:
        Array (batch, height, width // 2 + 1, channels), complex128.

    Source: Moisan, "Periodic plus smooth image decomposition", Journal of Mathematical Imaging and Vision, 2011.
    """
    return np.fft.rfft2(np.asarray(images, "float64"), axes=(1, 2)) - smooth_spectrum(images)


def smooth_spectrum(images: np.ndarray) -> np.ndarray:
    """`rfft2` of the smooth component of images, see `periodic_spectrum`.

    Args:
        images: array (batch, height, width, channels), real.

    Returns:
        Array (batch, height, width // 2 + 1, channels), complex128.
    """
    images = np.asarray(images, "float64")
    height, width = images.shape[1:3]
    ky, kx = (2j * np.pi * frequencies for frequencies in frequency_axes(height, width))
    # The differences stand in the first and, with the opposite sign, in the last row or column, and are 0 elsewhere. A
    # transform along the other axis is therefore enough.
    rows = np.fft.rfft(images[:, -1] - images[:, 0], axis=1)[:, None]
    columns = np.fft.fft(images[:, :, -1] - images[:, :, 0], axis=1)[:, :, None]
    borders = rows * (1 - np.exp(ky))[..., None] + columns * (1 - np.exp(kx))[..., None]
    laplacian = (2 * np.cosh(ky) + 2 * np.cosh(kx) - 4).real
    laplacian[0, 0] = 1.0  # The mean, where `borders` is 0.
    return borders / laplacian[..., None]
