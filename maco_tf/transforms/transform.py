"""The interface of all transforms, and the simplest one, which repeats an image."""

import abc
import dataclasses
import functools

import keras
import tensorflow as tf

from maco_tf.checks import check_integer
from maco_tf.transforms.serialization import FieldConfig


class Transform(FieldConfig, abc.ABC):
    """A random map from a batch of images to a batch of views.

    A transform of your own is a subclass with the method `apply`:

        class Invert(Transform):
            def apply(self, images, draws):
                return 1 - images

    A random one also has `draw`. Settings are the fields of a frozen dataclass, so that they cannot change under a
    compiled step and Keras can serialise them:

        @dataclasses.dataclass(frozen=True, eq=False)
        class Fade(Transform):
            strength: float

            def apply(self, images, draws):
                return 0.5 + (1 - self.strength) * (images - 0.5)

    Drawing is separate from applying, so that the views of a step can be made in several parts with the same random
    numbers.

    Attributes:
        count: number of views that the transform makes of each image.
    """

    count: int = 1

    @functools.cached_property
    def seed_generator(self) -> keras.random.SeedGenerator:
        """The source of random numbers.

        An optimisation replaces its state by one that depends on the run's seed. When the transform is called by hand,
        the generator advances from call to call.
        """
        # The generator has a variable, which must not belong to a graph that is being traced. With `setdefault`, two
        # threads that come here together get the same generator.
        with tf.init_scope():
            return vars(self).setdefault("seed_generator", keras.random.SeedGenerator(0))

    def draw(self, views: int, step: int | tf.Tensor = 0, steps: int = 1) -> tuple[tf.Tensor, ...]:
        """Draw the random numbers of a step.

        Args:
            views: number of views to make.
            step: integer or scalar integer tensor, from 0 to `steps - 1`.
            steps: length of the run.

        Returns:
            Tensors whose first axis is the views; an empty tuple if the transform is not random.
        """
        return ()

    @abc.abstractmethod
    def apply(self, images: tf.Tensor, draws: tuple[tf.Tensor, ...]) -> tf.Tensor:
        """Transform images with random numbers that have been drawn.

        Args:
            images: tensor (batch, height, width, channels), float32 in [0, 1].
            draws: the result of `draw` for a multiple of `batch` views; views of the same image are adjacent.

        Returns:
            Tensor (views, new_height, new_width, channels).
        """

    def __call__(self, images: tf.Tensor, step: int | tf.Tensor = 0, steps: int = 1) -> tf.Tensor:
        """Draw and apply.

        Args:
            images: tensor (batch, height, width, channels), float32 in [0, 1].
            step: integer or scalar integer tensor, from 0 to `steps - 1`.
            steps: length of the run.

        Returns:
            Tensor (batch * count, new_height, new_width, channels); views of the same image are adjacent.
        """
        return self.apply(images, self.draw(images.shape[0] * self.count, step, steps))


@keras.saving.register_keras_serializable(package="maco_tf")
@dataclasses.dataclass(frozen=True, eq=False)
class Repeat(Transform):
    """Repeat each image, so that later transforms draw new random numbers for every copy.

    Args:
        count: number of copies of each image; copies of the same image are adjacent.

    Raises:
        ValueError: `count` is not an integer of at least 1.
    """

    # Without `field()`, the attribute of the base class would be the default.
    count: int = dataclasses.field()

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", check_integer("count", self.count, 1))

    def draw(self, views: int, step: int | tf.Tensor = 0, steps: int = 1) -> tuple[tf.Tensor, ...]:
        # Not random: the length says how many copies a part of the views needs.
        return (tf.range(views),)

    def apply(self, images: tf.Tensor, draws: tuple[tf.Tensor, ...]) -> tf.Tensor:
        return tf.repeat(images, draws[0].shape[0] // images.shape[0], axis=0)
