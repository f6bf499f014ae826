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

    def __call__(self, images, step=0, steps=1):
        return tf.repeat(images, self.count, axis=0)

    def __repr__(self):
        return f"Repeat(count={self.count})"
