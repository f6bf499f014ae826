"""The magnitude of natural images, on any grid of frequencies. Nothing here depends on a model."""

from maco_tf.spectrum.colour import COLOUR_CORRELATION, from_image, to_image
from maco_tf.spectrum.estimate import estimate_magnitude
from maco_tf.spectrum.frequencies import frequency_axes, radial_frequency
from maco_tf.spectrum.imagenet import imagenet_magnitude
from maco_tf.spectrum.magnitude import Magnitude
from maco_tf.spectrum.natural import natural_magnitude

__all__ = [
    "COLOUR_CORRELATION",
    "Magnitude",
    "estimate_magnitude",
    "frequency_axes",
    "from_image",
    "imagenet_magnitude",
    "natural_magnitude",
    "radial_frequency",
    "to_image",
]
