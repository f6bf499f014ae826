"""What an optimisation's free variables are, and the image they stand for."""

import abc

import tensorflow as tf


class Parametrization(abc.ABC):
    """Maps free variables to images.

    Attributes:
        batch_size: number of images.
        height: pixels.
        width: pixels.
        channels: number of colour channels.
    """

    def __init__(self, batch_size, height, width, channels):
        self.batch_size, self.height, self.width, self.channels = batch_size, height, width, channels

    @abc.abstractmethod
    def initialize(self, seed):
        """The starting variables.

        Args:
            seed: integer; equal seeds give equal variables.

        Returns:
            List of float32 tensors, the first axis of each being the batch.
        """

    @abc.abstractmethod
    def from_images(self, images):
        """The variables of given images, where a run may start instead of at random.

        Args:
            images: array (batch, height, width, channels), float32 in [0, 1].

        Returns:
            List of float32 tensors as `initialize` returns.

        Raises:
            ValueError: under these settings few images have variables.
        """

    @abc.abstractmethod
    def image(self, variables):
        """The images that the variables stand for, each by its own part of them alone.

        Args:
            variables: list of tensors as `initialize` returns.

        Returns:
            Tensor (batch, height, width, channels), float32 in [0, 1].
        """


def normal_start(seed, batch_size, shape, std):
    """Normal values of mean 0, a key for each image: image i of a batch starts as image i of a larger batch does.

    Args:
        seed: integer.
        batch_size: number of images.
        shape: of one image's variable.
        std: standard deviation.

    Returns:
        Tensor (batch_size, *shape), float32.
    """
    keys = [(seed, index) for index in range(batch_size)]
    # The same on every device: others might choose another generator than a CPU does.
    return tf.stack([tf.random.stateless_normal(shape, key, stddev=std, alg="philox") for key in keys])


def refuse_start_with(name, value):
    """Refuse to start at an image under a setting that would show another one.

    Args:
        name: the setting.
        value: its value; 0 and False are off.

    Raises:
        ValueError: the setting is on.
    """
    if value:
        raise ValueError(
            f'"start" must be None where "{name}" is on, which would show another image than the one given. Received: '
            f"images, and {name}={value!r}."
        )
