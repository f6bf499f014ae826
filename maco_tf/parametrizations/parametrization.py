"""The free variables of an optimisation, and the image that they define."""

import abc
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from maco_tf.checks import check_integer, check_number, check_shape


class Parametrization(abc.ABC):
    """A map from free variables to images.

    A new parametrization is a subclass with the methods `initialize` and `image`; `from_images`, where a run may start
    at an image; and `after_step`, where something happens to the variables between steps.

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

    def after_step(self, variables: list[tf.Tensor], done: int | tf.Tensor) -> list[tf.Tensor]:
        """Change the variables after a step of the optimizer, such as by a blur. By default, nothing changes.

        Args:
            variables: tensors as `initialize` returns them.
            done: number of steps done, from 1; an integer or an int32 scalar.

        Returns:
            Tensors of the same shapes.
        """
        return variables

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


def check_step_blur(step_blur: float, step_blur_every: int) -> tuple[float, int]:
    """Check the settings of a blur of the image between steps.

    Args:
        step_blur: standard deviation of a Gaussian, pixels, at least 0; 0 turns the blur off.
        step_blur_every: number of steps from one blur to the next, at least 1.

    Returns:
        Both in plain Python.

    Raises:
        ValueError: an argument lies outside its range, or `step_blur_every` is set without a blur.
    """
    step_blur = check_number("step_blur", step_blur, least=0)
    step_blur_every = check_integer("step_blur_every", step_blur_every, 1)
    if step_blur_every > 1 and not step_blur:
        raise ValueError(
            f'"step_blur_every" must be 1 while "step_blur" is 0, because nothing is blurred. Received: '
            f"{step_blur_every}. Set step_blur, such as step_blur=0.5."
        )
    return step_blur, step_blur_every


def every(period: int, done: int | tf.Tensor, change: Callable[[], tf.Tensor], variable: tf.Tensor) -> tf.Tensor:
    """Change a variable after every `period`-th step.

    Args:
        period: number of steps, at least 1.
        done: see `Parametrization.after_step`.
        change: function that returns the changed variable.
        variable: the variable as it is.

    Returns:
        A tensor of the variable's shape.
    """
    return change() if period == 1 else tf.cond(tf.equal(done % period, 0), change, lambda: variable)


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
