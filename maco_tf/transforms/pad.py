"""A border around the image."""

import dataclasses
from typing import Literal

import keras
import tensorflow as tf

from maco_tf.checks import check_integer, is_number
from maco_tf.transforms.crop_sampling import OUTSIDE
from maco_tf.transforms.transform import Transform


@keras.saving.register_keras_serializable(package="maco_tf")
@dataclasses.dataclass(frozen=True, eq=False)
class Pad(Transform):
    """Put a border around the image, so that later shifts and rotations do not bring in its edge.

    The image grows by twice `pixels` along each axis. Lucid pads by 12 pixels of 0.5.

    Args:
        pixels: width of the border on each of the four sides, at least 0.
        value: value of the border, in units of the image's range [0, 1]; or "reflect", which mirrors the image at its
            outermost pixels.

    Raises:
        ValueError: an argument is outside its range; or, when the transform is applied, the image is too small to be
            mirrored.
    """

    pixels: int
    value: float | Literal["reflect"] = OUTSIDE

    def __post_init__(self) -> None:
        object.__setattr__(self, "pixels", check_integer("pixels", self.pixels, 0))
        if is_number(self.value):
            object.__setattr__(self, "value", float(self.value))
        elif not (isinstance(self.value, str) and self.value == "reflect"):
            raise ValueError(f'"value" must be a finite number or "reflect". Received: {self.value!r}.')

    def apply(self, images: tf.Tensor, draws: tuple[tf.Tensor, ...]) -> tf.Tensor:
        border = [[0, 0], [self.pixels] * 2, [self.pixels] * 2, [0, 0]]
        if self.value != "reflect":
            return tf.pad(images, border, constant_values=self.value)
        height, width = images.shape[1:3]
        if min(height, width) <= self.pixels:
            raise ValueError(
                f'"pixels" must be less than the height and width of an image that is mirrored. Received: '
                f"{self.pixels}, and images of {height} x {width} pixels. Use a larger image or a narrower border."
            )
        return tf.pad(images, border, mode="REFLECT")
