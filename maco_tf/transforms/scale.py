"""Zoom in and out."""

import tensorflow as tf

from maco_tf.transforms.crop_sampling import crop_by_matrices
from maco_tf.transforms.distribution import as_range, extremes
from maco_tf.transforms.transform import Transform

# An image at one twentieth of its side holds too few pixels to mean anything (as the smallest crop).
_SMALLEST = 0.05


class RandomScale(Transform):
    """Zoom each image about its centre by a factor of its own, bilinearly.

    The image keeps its size: above 1 its margins are lost, below 1 mid-grey fills what is beyond them. (Lucid's
    changes the image's size, which resizing to a fixed input undoes; here sizes are known before the run.)

    Args:
        scales: factors, above 0: a pair `(low, high)`, uniform between; a sequence of one, three or more numbers,
            equally likely; a `Uniform`, `Normal` or `Choice`, whose parameters may change over the run; a number or a
            callable of the step. Factors drawn below 0.05 count as 0.05.

    Raises:
        ValueError: `scales` is none of these, or not above 0.
    """

    def __init__(self, scales):
        super().__init__()
        self.scales = as_range("scales", scales)
        if any(low <= 0 for low, _ in extremes(self.scales)):
            raise ValueError(f'"scales" must be above 0. Received: {scales!r}. 1 is the image as it is.')

    def draw(self, views, step=0, steps=1):
        return (tf.maximum(self.scales.sample((views, 1), self.seed_generator, step, steps), _SMALLEST),)

    def apply(self, images, draws):
        (scales,) = draws
        batch, *size = images.shape[:3]
        # The image at twice its size is the crop of half its sides.
        sides = tf.repeat(1.0 / scales, 2, axis=1)
        return crop_by_matrices(images, tf.fill((batch, 2), 0.5), sides, size)

    def __repr__(self):
        return f"RandomScale(scales={self.scales!r})"
