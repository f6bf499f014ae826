"""Rotations."""

import math

from maco_tf.transforms.distribution import as_range
from maco_tf.transforms.rotation_sampling import rotate
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
