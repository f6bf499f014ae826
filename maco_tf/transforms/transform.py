"""What the model sees of an image."""

import abc

import keras
import tensorflow as tf

from maco_tf.checks import check_integer


class Transform(abc.ABC):
    """A random map from image batch to image batch: the random numbers of a step, and what they do to images.

    The two are apart so that a step's views can be made in parts, which see the numbers that the whole would.

    Attributes:
        seed_generator: the source of its random numbers. An optimisation gives it a state of its own, drawn from
            the run's seed; called by hand it goes on from where it is.
        count: views made of each image.
    """

    count = 1

    def __init__(self):
        self.seed_generator = keras.random.SeedGenerator(0)

    def draw(self, views, step=0, steps=1):
        """Draw a step's random numbers.

        Args:
            views: number of views to be made.
            step: integer or scalar tensor, the step of the run, from 0.
            steps: integer, length of the run.

        Returns:
            Tuple of tensors, the first axis of each being the views; empty where nothing is random.
        """
        return ()

    @abc.abstractmethod
    def apply(self, images, draws):
        """Transform images by given random numbers.

        Args:
            images: tensor (batch, height, width, channels), float32 in [0, 1].
            draws: what `draw` returns for some multiple of the batch, the views of one image side by side.

        Returns:
            Tensor (views, new_height, new_width, channels).
        """

    def __call__(self, images, step=0, steps=1):
        """Transform images.

        Args:
            images: tensor (batch, height, width, channels), float32 in [0, 1].
            step: integer or scalar tensor, the step of the run, from 0.
            steps: integer, length of the run.

        Returns:
            Tensor (batch * count, new_height, new_width, channels), the views of one image side by side.
        """
        return self.apply(images, self.draw(images.shape[0] * self.count, step, steps))


def apply_transforms(transforms, images, step=0, steps=1):
    """Apply transforms one after another, each drawing as it goes.

    Args:
        transforms: `Transform`s, or any callables from image batch to image batch.
        images: tensor (batch, height, width, channels).
        step: see `Transform.__call__`.
        steps: see `Transform.__call__`.

    Returns:
        The last transform's images.
    """
    for transform in transforms:
        images = transform(images, step, steps) if isinstance(transform, Transform) else transform(images)
    return images


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
