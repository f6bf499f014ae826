"""The natural images of an atlas: which class each belongs to, and what records call it."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from maco_tf.exemplars.source import ImageSource


class Photographs:
    """Natural images with the names that records give them.

    Args:
        images: an `ImageSource`, or anything that it reads.
        channels: number of channels of the model.

    Attributes:
        source: the `ImageSource`.
    """

    source: ImageSource

    def __init__(self, images: Any, channels: int = 3) -> None:
        self.source = images if isinstance(images, ImageSource) else ImageSource(images, channels)
        folders = {os.path.dirname(path) for path in self.source.paths or ()}
        self._root = os.path.commonpath(folders) if folders else ""

    def name(self, index: int) -> str:
        """The path of an image within the folder that holds all of them, or its number if it is not a file.

        Args:
            index: the index of the image.
        """
        path = None if self.source.paths is None else self.source.paths[index]
        return f"image {index}" if path is None else Path(os.path.relpath(path, self._root)).as_posix()

    def class_name(self, number: int) -> str | None:
        """The name of a class of images; its number as text if it has no name, and `None` for -1.

        Args:
            number: the number of the class.
        """
        if number < 0:
            return None
        names = self.source.classes or ()
        return names[number] if number < len(names) else str(number)

    def of_class(self, number: int, most: int) -> np.ndarray:
        """The indices of images of a class, evenly spread over all of them.

        Args:
            number: the number of the class.
            most: the largest number of images.

        Returns:
            Array of integers in ascending order; empty if no image of the class is known.
        """
        labels = self.source.labels
        found = np.flatnonzero(labels == number) if labels is not None else np.zeros(0, int)
        return found[np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int)]
