"""The free variables of an optimisation, and the image that they define."""

import abc
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from maco_tf.checks import check_integer, check_shape


class Parametrization(abc.ABC):
    """A map from free variables to images.

    A new parametrization is a subclass with three methods: `initialize`, `image` and, where a run may start at an
    image, `from_images`.

    Args:
        image_shape: `(height, width, channels)` of the images, pixels.
        batch_size: number of images.

    Raises:
        ValueError: an argument is not made of integers of at least 1.
    """

    def __init__(self, image_shape: Sequence[int], batch_size: int = 1) -> None:
        self.image_shape = check_shape("image_shape", image_shape)
        self.batch_size = check_integer("batch_size", batch_size, 1)

    @abc.abstractmethod
    def initialize(self, seed: int) -> list[tf.Tensor]:
        """Draw the variables that a run starts from.

        Args:
            seed: integer of at least 0; equal seeds give equal variables.

        Returns:
            List of float32 tensors whose first axis is the batch. Image i of a batch starts as image i of any larger
            batch does.
        """

    def initialize_all(self, seeds: Sequence[int]) -> list[tf.Tensor]:
        """Draw the variables of a run with several seeds.

        Args:
            seeds: list of integers of at least 0, whose number divides the batch. Each seed serves an equal part of the
                batch, whose images start as in a batch of that seed.

        Returns:
            Tensors as `initialize` returns them.
        """
        if len(seeds) == 1:
            return self.initialize(seeds[0])
        count = self.batch_size // len(seeds)
        parts = [[variable[:count] for variable in self.initialize(seed)] for seed in seeds]
        return [tf.concat(variables, axis=0) for variables in zip(*parts)]

    @abc.abstractmethod
    def image(self, variables: list[tf.Tensor]) -> tf.Tensor:
        """Compute the images from the variables. Each image depends on its own part of the variables only.

        Args:
            variables: tensors as `initialize` returns them.

        Returns:
            Tensor (batch, height, width, channels), float32 in [0, 1].
        """

    def from_images(self, images: np.ndarray) -> list[tf.Tensor]:
        """Find the variables of given images, so that a run can start there.

        Args:
            images: array (batch, height, width, channels), float32 in [0, 1].

        Returns:
            Tensors as `initialize` returns them.

        Raises:
            ValueError: the parametrization has no inverse under its settings. This is the default.
        """
        raise ValueError(
            f'"start" must be None: {type(self).__name__} cannot start at an image. Received: images. Define '
            "from_images in it."
        )


def normal_start(seed: int, batch_size: int, shape: Sequence[int], std: float) -> tf.Tensor:
    """Draw normal values of mean 0, with a key for each image.

    Args:
        seed: integer.
        batch_size: number of images.
        shape: shape of one image's variable.
        std: standard deviation.

    Returns:
        Tensor (batch_size, *shape), float32. Image i of a batch starts as image i of any larger batch does.
    """
    keys = [(seed, index) for index in range(batch_size)]
    # A fixed generator, since devices would choose different ones.
    return tf.stack([tf.random.stateless_normal(shape, key, stddev=std, alg="philox") for key in keys])


def refuse_start_with(name: str, value: bool | float) -> None:
    """Refuse to start at an image under a setting that would change the image.

    Args:
        name: name of the setting.
        value: its value; 0 and False mean that it is off.

    Raises:
        ValueError: the setting is on.
    """
    if value:
        raise ValueError(
            f'"start" must be None while "{name}" is on, because the run would start at another image than the one '
            f"given. Received: images, and {name}={value!r}."
        )
