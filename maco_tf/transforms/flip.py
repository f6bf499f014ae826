"""Mirror images."""

import tensorflow as tf

from maco_tf.transforms.draws import next_seed, uniform
from maco_tf.transforms.transform import Transform


class RandomFlip(Transform):
    """Mirror each image with probability one half, along each of the axes chosen apart.

    Args:
        horizontal: whether left and right are exchanged.
        vertical: whether top and bottom are exchanged.

    Raises:
        ValueError: neither is.
    """

    def __init__(self, horizontal=True, vertical=False):
        super().__init__()
        for name, value in (("horizontal", horizontal), ("vertical", vertical)):
            if not isinstance(value, bool):
                raise ValueError(f'"{name}" must be True or False. Received: {value!r}.')
        if not (horizontal or vertical):
            raise ValueError('"horizontal" or "vertical" must be True. Received: False for both.')
        self.horizontal, self.vertical = horizontal, vertical

    def draw(self, views, step=0, steps=1):
        return tuple(uniform((views, 1, 1, 1), next_seed(self.seed_generator)) < 0.5 for _ in self._axes)

    def apply(self, images, draws):
        for axis, mirrored in zip(self._axes, draws):
            images = tf.where(mirrored, tf.reverse(images, [axis]), images)
        return images

    @property
    def _axes(self):
        return [axis for axis, chosen in ((1, self.vertical), (2, self.horizontal)) if chosen]

    def __repr__(self):
        return f"RandomFlip(horizontal={self.horizontal}, vertical={self.vertical})"
