"""The natural images of an atlas: which class each belongs to, and what records call it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maco_tf.checks import warn_user
from maco_tf.exemplars.source import ImageSource

# How many folders or classes a warning names.
_NAMED = 3


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


def warn_of_folders(images: ImageSource, count: int, names: Sequence[str] | None) -> None:
    """Warn if the folders of images were numbered in the order of their names, and are not as many as the classes.

    Args:
        images: the images of a folder, whose subfolders have no numbers from the user.
        count: number of classes of the model.
        names: the names of the model's classes; `None` if they have none.
    """
    folders = images.classes or []
    # The classes of folders that are named by WordNet numbers are those of ImageNet, whatever is there.
    if not folders or images.labels is None or set(images.labels.tolist()) - {-1} != set(range(len(folders))):
        return
    if len(folders) != count:
        taken = [f"{folder} as {_class(number, names)}" for number, folder in enumerate(folders)]
        warn_user(
            f'"images" has {len(folders)} folders with images, and the model {count} classes. The folders are taken as '
            f"classes in the order of their names: {_listed(taken)}. If that is wrong, pass "
            'maco_tf.exemplars.ImageSource(folder, labels={"NAME OF A FOLDER": NUMBER OF ITS CLASS, ...}) in Python; '
            "for classes of ImageNet, WordNet numbers can name the folders."
        )


def warn_of_classes_without_images(images: ImageSource, classes: Sequence[int], names: Sequence[str] | None) -> None:
    """Warn of classes whose concepts cannot be found, because they have no images.

    Args:
        images: images with classes.
        classes: the classes whose concepts are wanted.
        names: the names of the model's classes; `None` if they have none.
    """
    known = set() if images.labels is None else set(images.labels.tolist())
    missing = [_class(number, names) for number in classes if number not in known]
    if missing:
        reason = '"images" has none of them' if images.labels is not None else '"images" is a tf.data.Dataset'
        warn_user(f"{len(missing)} of {len(classes)} classes get no concepts, because {reason}: {_listed(missing)}.")


def _class(number: int, names: Sequence[str] | None) -> str:
    return f"class {number} ({names[number]})" if names and number < len(names) else f"class {number}"


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - _NAMED
    return ", ".join(texts[:_NAMED]) + (f" and {more} more" if more > 0 else "")
