"""The natural images of an atlas: which class each belongs to, and what records call it."""

import os
from collections.abc import Sequence
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

    def read_class(self, number: int, most: int, size: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Read images of a class, evenly spread over all of them. Damaged files are left out, and a warning lists them.

        Args:
            number: the number of the class.
            most: the largest number of images.
            size: `(height, width)` to which each image is fitted, as the model sees it.

        Returns:
            `(indices, images)`: array (count,) of integers in ascending order, and array (count, *size, channels),
            float32 in [0, 1]. Both are empty if no image of the class is known.
        """
        labels = self.source.labels
        known = np.flatnonzero(labels == number) if labels is not None else np.zeros(0, int)
        chosen = known[np.linspace(0, len(known) - 1, min(most, len(known))).round().astype(int)]
        indices, images, damaged = [], [np.zeros((0, *size, self.source.channels), "float32")], []
        for index in chosen.tolist():
            try:
                images.append(np.stack(self.source.read([index], size)))
                indices.append(index)
            except ValueError:
                if index not in self.source.damaged:
                    raise
                damaged.append(index)
        self.source.warn_of_damaged(damaged)
        return np.array(indices, int), np.concatenate(images)
