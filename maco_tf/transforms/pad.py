"""A border around the image."""

import math
import numbers

import tensorflow as tf

from maco_tf.checks import check_integer
from maco_tf.transforms.crop_sampling import OUTSIDE
from maco_tf.transforms.transform import Transform


class Pad(Transform):
    """Put a border around the image, so that what later shifts and turns bring in is not the image's edge.

    The image grows by twice `pixels` along each axis. Lucid pads 12 pixels of 0.5.

    Args:
        pixels: width of the border on each of the four sides, from 0.
        value: what the border shows: a number, in units of the image's range [0, 1], or "reflect", the image
            mirrored at its outermost pixels.

    Raises:
        ValueError: an argument outside its range; when called, an image too small to be mirrored.
    """

    def __init__(self, pixels, value=OUTSIDE):
        super().__init__()
        self.pixels = check_integer("pixels", pixels, 0)
        number = isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
        if not number and not (isinstance(value, str) and value == "reflect"):
            raise ValueError(f'"value" must be a finite number or "reflect". Received: {value!r}.')
        self.value = value

    def apply(self, images, draws):
        border = [[0, 0], [self.pixels] * 2, [self.pixels] * 2, [0, 0]]
        if self.value != "reflect":
            return tf.pad(images, border, constant_values=float(self.value))
        height, width = images.shape[1:3]
        if min(height, width) <= self.pixels:
            raise ValueError(
                f'"pixels" must be less than the height and width of an image that is to be mirrored. Received: '
                f"{self.pixels} for images of {height} x {width} pixels. Take a larger image or a narrower border."
            )
        return tf.pad(images, border, mode="REFLECT")

    def __repr__(self):
        return f"Pad(pixels={self.pixels}, value={self.value!r})"
