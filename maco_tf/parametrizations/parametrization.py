"""What an optimisation's free variables are, and the image they stand for."""

import abc


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

    def signature(self):
        """What a compiled step depends on: equal signatures can share one."""
        return (type(self), self.batch_size, self.height, self.width, self.channels)
