"""A magnitude as a function of the distance from the origin: rings of bins, and magnitudes from rings.

A profile holds densities, |rfft2| / sqrt(height * width), which do not depend on the size of the image if the image is
a part of a texture without end.
"""

import numpy as np

from maco_tf.spectrum.frequencies import bin_weights, radial_frequency, standard_deviation


def ring_profile(magnitude: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The root mean square of a magnitude on rings, whose energy it thereby keeps.

    A ring is as wide as the larger distance between neighbouring bins. Its radius is the one at which a magnitude that
    falls as 1 / radius has its root mean square; natural images are close to this law.

    Args:
        magnitude: array (channels, height, width // 2 + 1).
        width: image width, pixels.

    Returns:
        `(radii, densities)`: arrays (rings,), cycles per pixel, rising; and (channels, rings). The mean is left out.
    """
    height = magnitude.shape[1]
    radius = radial_frequency(height, width).ravel()[1:]
    power = np.square(np.asarray(magnitude, "float64")).reshape(len(magnitude), -1)[:, 1:] / (height * width)
    weights = np.broadcast_to(bin_weights(width), magnitude.shape[1:]).ravel()[1:]
    rings = np.round(radius * min(height, width)).astype("int64")
    counts = np.bincount(rings, weights)
    found = counts > 0

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(rings, weights * values)[found] / counts[found]

    return mean(radius**-2.0) ** -0.5, np.sqrt([mean(channel) for channel in power])


def from_rings(radii: np.ndarray, densities: np.ndarray, height: int, width: int, deviation: np.ndarray) -> np.ndarray:
    """A magnitude that depends on the distance from the origin only.

    Logarithms are interpolated between the logarithms of the radii, so a power law stays a power law. Below the first
    radius, the line through the first two goes on: natural images follow the same law in larger images. Beyond the last
    radius, the density is constant.

    Args:
        radii: array (rings,), cycles per pixel, rising.
        densities: array (channels, rings); see `ring_profile`.
        height: image height, pixels.
        width: image width, pixels.
        deviation: array (channels,): the standard deviation of the images, which scales the densities.

    Returns:
        Array (channels, height, width // 2 + 1), float64. The mean is 0.
    """
    radius = radial_frequency(height, width)
    radius[0, 0] = 1.0
    known = np.log(radii)
    wanted = np.log(radius)
    values = np.empty((len(densities), *radius.shape))
    for channel, density in zip(values, densities):
        logarithms = np.log(np.maximum(density, np.finfo("float64").tiny))
        channel[...] = np.interp(wanted, known, logarithms)
        if len(known) > 1:
            slope = (logarithms[1] - logarithms[0]) / (known[1] - known[0])
            below = wanted < known[0]
            channel[below] = logarithms[0] + slope * (wanted[below] - known[0])
    values = np.exp(values)
    values[:, 0, 0] = 0.0
    scale = np.asarray(deviation) / np.maximum(standard_deviation(values, width), 1e-12)
    return values * scale[:, None, None]
