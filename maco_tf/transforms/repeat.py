"""Several views of an image."""

import tensorflow as tf

from maco_tf.transforms.sizes import check_integer
from maco_tf.transforms.transform import Transform


class Repeat(Transform):
    """Show each image several times, so that every copy gets its own draws from the transforms after this one.

    Args:
        count: copies of an image; they stand side by side.

    Raises:
        ValueError: `count` is not an integer of at least 1.
    """

    def __init__(self, count):
        super().__init__()
        self.count = check_integer("count", count, 1)

    def draw(self, views, step=0, steps=1):
        return (tf.range(views),)  # Not random: how many copies a part of the views takes.

    def apply(self, images, draws):
        return tf.repeat(images, draws[0].shape[0] // images.shape[0], axis=0)

    def __repr__(self):
        return f"Repeat(count={self.count})"
