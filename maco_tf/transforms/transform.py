"""What the model sees of an image."""

import abc

import keras


class Transform(abc.ABC):
    """A random map from image batch to image batch.

    Attributes:
        seed_generator: the source of its random numbers. An optimisation gives it a state of its own, drawn from
            the run's seed; called by hand it goes on from where it is.
    """

    def __init__(self):
        self.seed_generator = keras.random.SeedGenerator(0)

    @abc.abstractmethod
    def __call__(self, images, step=0, steps=1):
        """Transform images.

        Args:
            images: tensor (batch, height, width, channels), float32 in [0, 1].
            step: integer or scalar tensor, the step of the run, from 0.
            steps: integer, length of the run.

        Returns:
            Tensor (batch * views, new_height, new_width, channels), the views of one image side by side.
        """


def apply_transforms(transforms, images, step, steps):
    """Apply transforms one after another.

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
