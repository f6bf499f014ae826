"""Random shifts by whole pixels."""

import dataclasses
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from maco_tf.checks import check_integer
from maco_tf.transforms.draws import integers, next_seed
from maco_tf.transforms.transform import Transform


@keras.saving.register_keras_serializable(package="maco_tf")
@dataclasses.dataclass(frozen=True, eq=False)
class Jitter(Transform):
    """Shift each image at random by cutting rows and columns off its sides.

    Height and width shrink by `pixels`, as in Lucid. The number of rows cut off at the top and the number of columns
    cut off at the left are drawn for each image; all values from 0 to `pixels` are equally likely.

    Args:
        pixels: largest shift, pixels, at least 0.

    Raises:
        ValueError: `pixels` is not an integer of at least 0; or, when the transform is applied, nothing would remain of
            the image.
    """

    pixels: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "pixels", check_integer("pixels", self.pixels, 0))

    def draw(self, views: int, step: int | tf.Tensor = 0, steps: int = 1) -> tuple[tf.Tensor, ...]:
        return (integers((views, 2), next_seed(self.seed_generator), self.pixels + 1),)

    def apply(self, images: tf.Tensor, draws: tuple[tf.Tensor, ...]) -> tf.Tensor:
        height, width = images.shape[1:3]
        if min(height, width) <= self.pixels:
            raise ValueError(
                f'"pixels" must be less than the height and width of the images. Received: {self.pixels}, and images '
                f"of {height} x {width} pixels after the transforms before this one. Use a larger image, pad it first, "
                "or use less jitter."
            )
        (corners,) = draws
        return _cut(images, corners, self.pixels)


def _cut(images: tf.Tensor, corners: tf.Tensor, pixels: int) -> tf.Tensor:
    """Cut `pixels` rows and columns off the sides of each image.

    Args:
        images: tensor (batch, height, width, channels).
        corners: int32 tensor (batch, 2), rows to cut off at the top and columns at the left, from 0 to `pixels`.
        pixels: number of rows, and of columns, to cut off in total.

    Returns:
        Tensor (batch, height - pixels, width - pixels, channels).
    """

    @tf.custom_gradient
    def cut(images: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        # The gradient of `tf.gather` is a scatter, which is slower and adds in no fixed order on a GPU. The gradient of
        # a window of the image is that window in a field of zeros, which is itself a window of the padded gradient.
        def put_back(upstream: tf.Tensor) -> tf.Tensor:
            border = [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]]
            return _windows(tf.pad(upstream, border), pixels - corners, images.shape[1:3])

        return _windows(images, corners, [side - pixels for side in images.shape[1:3]]), put_back

    return cut(images)


def _windows(images: tf.Tensor, corners: tf.Tensor, size: Sequence[int]) -> tf.Tensor:
    """One window of each image, of this size, at these top left corners."""
    batch, height, width, channels = images.shape
    rows = corners[:, :1] + tf.range(size[0])
    columns = corners[:, 1:] + tf.range(size[1])
    index = rows[:, :, None] * width + columns[:, None, :]
    return tf.gather(tf.reshape(images, (batch, height * width, channels)), index, axis=1, batch_dims=1)
