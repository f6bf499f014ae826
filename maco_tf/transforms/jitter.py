"""Shifts by whole pixels."""

import tensorflow as tf

from maco_tf.checks import check_integer
from maco_tf.transforms.draws import integers, next_seed
from maco_tf.transforms.transform import Transform


class Jitter(Transform):
    """Shift each image at random, by cutting `pixels` rows and columns off its ends.

    As in Lucid the image shrinks: height and width become less by `pixels`. How many of them go at the top and how
    many at the left is drawn for each image apart, 0 to `pixels` equally likely.

    Args:
        pixels: largest shift, pixels, from 0.

    Raises:
        ValueError: `pixels` is no such integer; when called, an image of which nothing would remain.
    """

    def __init__(self, pixels):
        super().__init__()
        self.pixels = check_integer("pixels", pixels, 0)

    def draw(self, views, step=0, steps=1):
        return (integers((views, 2), next_seed(self.seed_generator), self.pixels + 1),)

    def apply(self, images, draws):
        height, width = images.shape[1:3]
        if min(height, width) <= self.pixels:
            raise ValueError(
                f'"pixels" must be less than the images\' height and width. Received: {self.pixels} for images of '
                f"{height} x {width} pixels at this point, of which nothing would remain. Take a larger "
                "image, pad it first, or take less jitter."
            )
        return cut(images, *draws, self.pixels)

    def __repr__(self):
        return f"Jitter(pixels={self.pixels})"


def cut(images, corners, pixels):
    """Cut `pixels` rows and columns off the ends of each image.

    Args:
        images: tensor (batch, height, width, channels).
        corners: int32 tensor (batch, 2), how many rows go at the top and columns at the left, 0 to `pixels`.
        pixels: rows and columns to cut off, in all.

    Returns:
        Tensor (batch, height - pixels, width - pixels, channels).
    """

    @tf.custom_gradient
    def cut_all(images):
        # The gradient that a gather brings along scatters, which is slower, and on a GPU adds in no fixed order.
        # Of a window on the image it is the window, put back on a field of zeros: a window on that, padded.
        def put_back(upstream):
            border = [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]]
            return _windows(tf.pad(upstream, border), pixels - corners, images.shape[1:3])

        return _windows(images, corners, [side - pixels for side in images.shape[1:3]]), put_back

    return cut_all(images)


def _windows(images, corners, size):
    """The windows of a size whose top left corners are given, one of each image."""
    batch, height, width, channels = images.shape
    rows = corners[:, :1] + tf.range(size[0])
    columns = corners[:, 1:] + tf.range(size[1])
    index = rows[:, :, None] * width + columns[:, None, :]
    return tf.gather(tf.reshape(images, (batch, height * width, channels)), index, axis=1, batch_dims=1)
