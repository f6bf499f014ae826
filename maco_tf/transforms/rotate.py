"""Rotations."""

import math

import tensorflow as tf

from maco_tf.transforms.crop_sampling import OUTSIDE
from maco_tf.transforms.distribution import as_range
from maco_tf.transforms.transform import Transform


class RandomRotate(Transform):
    """Rotate each image about its centre by an angle of its own, bilinearly.

    The image keeps its size: corners that turn out of it are lost, and mid-grey fills what is beyond its border.

    Args:
        degrees: angles, anticlockwise: a pair `(low, high)`, uniform between; a sequence of one, three or more numbers,
            equally likely; a `Uniform`, `Normal` or `Choice`, whose parameters may change over the run; a number or a
            callable of the step.

    Raises:
        ValueError: `degrees` is none of these.
    """

    def __init__(self, degrees):
        super().__init__()
        self.degrees = as_range("degrees", degrees)

    def draw(self, views, step=0, steps=1):
        return (self.degrees.sample((views,), self.seed_generator, step, steps) * (math.pi / 180),)

    def apply(self, images, draws):
        return rotate(images, *draws)

    def __repr__(self):
        return f"RandomRotate(degrees={self.degrees!r})"


def rotate(images, angles):
    """Rotate each image about its centre.

    Args:
        images: tensor (batch, height, width, channels), float32.
        angles: tensor (batch,), radians, anticlockwise; it gets no gradient.

    Returns:
        Tensor of the same shape.
    """

    @tf.custom_gradient
    def rotate_all(images):
        return _rotated(images - OUTSIDE, angles) + OUTSIDE, lambda upstream: _gradient(upstream, angles)

    return rotate_all(images)


# Compiled by XLA wherever they run: it makes one pass of what would be some hundred operations on small tensors, five
# times as fast on two CPU cores.
@tf.function(jit_compile=True, autograph=False)
def _rotated(images, angles):
    cosine, sine = _directions(angles)
    y, x = _grid(images)
    centre_y, centre_x = _centre(images)
    source_y, source_x = cosine * y + sine * x + centre_y, cosine * x - sine * y + centre_x
    total = tf.zeros_like(images)
    for neighbour_y in (tf.floor(source_y), tf.floor(source_y) + 1.0):
        for neighbour_x in (tf.floor(source_x), tf.floor(source_x) + 1.0):
            weight = _weight(source_y - neighbour_y, source_x - neighbour_x)
            total += weight * _pixels(images, neighbour_y, neighbour_x)
    return total


@tf.function(jit_compile=True, autograph=False)
def _gradient(upstream, angles):
    cosine, sine = _directions(angles)
    y, x = _grid(upstream)
    centre_y, centre_x = _centre(upstream)
    # Where the pixel went, and the first of three rows and columns closer than sqrt(2).
    first_y = tf.math.ceil(cosine * y - sine * x + centre_y - math.sqrt(2))
    first_x = tf.math.ceil(cosine * x + sine * y + centre_x - math.sqrt(2))
    total = tf.zeros_like(upstream)
    for row in range(3):
        for column in range(3):
            near_y, near_x = first_y + row, first_x + column
            from_y, from_x = near_y - centre_y, near_x - centre_x
            weight = _weight(cosine * from_y + sine * from_x - y, cosine * from_x - sine * from_y - x)
            total += weight * _pixels(upstream, near_y, near_x)
    return total


def _directions(angles):
    return tf.cos(angles)[:, None, None], tf.sin(angles)[:, None, None]


def _centre(images):
    return [(side - 1) / 2 for side in images.shape[1:3]]


def _grid(images):
    """Coordinates of the pixels from the centre: (1, height, 1) and (1, 1, width)."""
    y, x = (tf.range(side, dtype=tf.float32) - (side - 1) / 2 for side in images.shape[1:3])
    return y[None, :, None], x[None, None, :]


def _weight(distance_y, distance_x):
    return (tf.nn.relu(1.0 - tf.abs(distance_y)) * tf.nn.relu(1.0 - tf.abs(distance_x)))[..., None]


def _pixels(images, y, x):
    """The pixels at whole positions, tensors (batch, height, width); zeros beyond the border."""
    batch, height, width, channels = images.shape
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    index = tf.where(inside, tf.cast(y, tf.int32) * width + tf.cast(x, tf.int32), 0)
    flat = tf.reshape(images, (batch, height * width, channels))
    return tf.where(inside[..., None], tf.gather(flat, index, axis=1, batch_dims=1), 0.0)
