"""The classes of images: from the folders that hold them, or as the user gives them."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from maco_tf.checks import check_integer
from maco_tf.objectives.imagenet_labels import labels as imagenet_labels
from maco_tf.objectives.imagenet_labels import wnids


def folder_labels(
    paths: Sequence[str], folder: str | os.PathLike[str], numbers: Mapping[str, int] | None = None
) -> tuple[np.ndarray | None, list[str] | None]:
    """The classes of files in a folder that has one subfolder for every class.

    Args:
        paths: paths of the files, which begin with the folder's.
        folder: the folder that holds them.
        numbers: dictionary, name of a subfolder -> number of its class. `None` numbers the subfolders in the order of
            their names; if all of them are WordNet numbers of ImageNet's 1,000 classes, it takes the numbers of these.

    Returns:
        `(labels, classes)`: array (count,), int64, -1 for files outside the subfolders; and the names of the classes,
        by their number. Both are `None` if no file lies in a subfolder.

    Raises:
        ValueError: a subfolder has no number, or one that is not an integer of at least 0.
    """
    # Text is sliced, because a million objects of pathlib take long.
    start = len(os.path.join(folder, ""))
    inner = [path[start:].split(os.sep) for path in paths]
    names = [parts[0] if len(parts) > 1 else None for parts in inner]
    found = sorted({name for name in names if name is not None})
    if not found:
        if numbers is not None:
            raise ValueError(f'"labels" must be left out for a folder without subfolders. Received: {dict(numbers)!r}.')
        return None, None
    if numbers is not None:
        missing = [name for name in found if name not in numbers]
        if missing:
            raise ValueError(f'"labels" must have a number for every subfolder. Received: none for {missing[0]!r}.')
        numbered = {name: check_integer("labels", numbers[name], 0) for name in found}
        titles = {number: name for name, number in numbered.items()}
        classes = [titles.get(number, str(number)) for number in range(max(titles) + 1)]
    elif set(found) <= set(wnids()):
        numbered = {name: number for number, name in enumerate(wnids())}
        classes = imagenet_labels()
    else:
        numbered, classes = {name: number for number, name in enumerate(found)}, found
    return np.array([-1 if name is None else numbered[name] for name in names], "int64"), list(classes)


def check_labels(labels: Any, count: int | None) -> np.ndarray | None:
    """Class numbers that the user gives for a list of images.

    Args:
        labels: a sequence of integers of at least -1, which means unknown; or `None`.
        count: the number of images; `None` for a dataset, which has to bring its classes itself.

    Returns:
        Array (count,), int64; or `None`.

    Raises:
        ValueError: the labels are something else, or their number is not that of the images.
    """
    if labels is None:
        return None
    if count is None:
        raise ValueError(
            '"labels" must be left out for a tf.data.Dataset. Received: labels. Make a dataset of tuples '
            "(image, class): tf.data.Dataset.zip((dataset, classes))."
        )
    if isinstance(labels, Mapping):
        raise ValueError('"labels" must be a list of class numbers for images without folders. Received: a dictionary.')
    array = np.asarray(labels)
    if array.dtype.kind not in "iu" or array.shape != (count,) or array.min() < -1:
        raise ValueError(
            f'"labels" must be {count} class numbers, integers of at least -1. Received: shape {array.shape}, dtype '
            f"{array.dtype}" + (f", from {array.min()}." if array.dtype.kind in "iuf" and array.size else ".")
        )
    return array.astype("int64")
