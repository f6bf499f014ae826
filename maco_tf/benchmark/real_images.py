"""The folder of real images of a benchmark: which classes it has, and which images serve for what."""

import hashlib
import os
import random
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from maco_tf.checks import check_integer
from maco_tf.images import image_files, is_image_path
from maco_tf.objectives.imagenet_labels import wnids

# Two for the statistics of a prior, and one to compare with.
FEWEST_DIVIDED = 3


class Halves(NamedTuple):
    """The real images of a class in two parts that have no image in common.

    Attributes:
        prior: list of paths: the images that a method may see.
        compared: list of paths: the images that its result is compared with.
    """

    prior: list[str]
    compared: list[str]


def divide(folder: str | os.PathLike[str]) -> Halves:
    """Divide the images of a class into two halves, the same on every machine.

    The order is that of the SHA-256 of the files' contents. So neither names nor dates of files matter, the images of
    other classes do not either, and two copies of a file fall into the same half. Of an odd number of images, `prior`
    has one more.

    Args:
        folder: the folder of the class.

    Returns:
        A `Halves`.

    Raises:
        ValueError: the folder has fewer than three different images.
    """
    copies: dict[str, list[str]] = {}
    for path in image_files(folder):
        copies.setdefault(hashlib.sha256(Path(path).read_bytes()).hexdigest(), []).append(path)
    if len(copies) < FEWEST_DIVIDED:
        raise ValueError(
            f'"real_images" must hold at least {FEWEST_DIVIDED} different images of a class for a method whose prior '
            f"uses them. Received: {len(copies)} in {folder}. Choose other classes or methods."
        )
    order = sorted(copies)
    half = (len(order) + 1) // 2
    parts = (sorted(path for digest in part for path in copies[digest]) for part in (order[:half], order[half:]))
    return Halves(*parts)


def draw_classes(
    folder: str | os.PathLike[str] | None,
    count: int,
    *,
    seed: int = 0,
    least: int = 1,
    exclude: Collection[int] = (),
) -> tuple[int, ...]:
    """Draw classes at random from those with real images.

    Args:
        folder: see `BenchmarkSettings.real_images`; `None` draws from all classes.
        count: number of classes, at least 1.
        seed: integer of at least 0; equal seeds draw equal classes.
        least: smallest number of real images that a class must have.
        exclude: class numbers to leave out, such as those that a method was tuned on.

    Returns:
        Tuple of class numbers.

    Raises:
        ValueError: there are too few classes, the folder does not exist, or an argument lies outside its range.
    """
    count, least, seed = (
        check_integer("count", count, 1),
        check_integer("least", least, 0),
        check_integer("seed", seed, 0),
    )
    exclude = check_classes("exclude", exclude)
    if folder is not None and not Path(folder).is_dir():
        raise ValueError(f'"real_images" must be a folder that exists. Received: {str(folder)!r}.')
    pool = [
        index
        for index, name in enumerate(wnids())
        if index not in exclude and (folder is None or count_images(Path(folder, name)) >= least)
    ]
    if count > len(pool):
        raise ValueError(
            f'"count" must be at most {len(pool)}, the number of classes with at least {least} images. '
            f"Received: {count}.{'' if folder is None else flat_hint(folder)}"
        )
    return tuple(random.Random(seed).sample(pool, count))


def check_classes(name: str, classes: Collection[int]) -> tuple[int, ...]:
    """Check ImageNet class numbers.

    Args:
        name: the argument's name, for the error.
        classes: integers, of Python or of NumPy.

    Returns:
        Tuple of `int`.

    Raises:
        ValueError: a value is not an integer from 0 to 999.
    """
    numbers = tuple(check_integer(name, value) for value in classes)
    wrong = [number for number in numbers if not 0 <= number < len(wnids())]
    if wrong:
        raise ValueError(f'"{name}" must be ImageNet class numbers, 0 to 999. Received: {", ".join(map(str, wrong))}.')
    return numbers


def count_images(folder: Path) -> int:
    """Number of image files in a folder and its subfolders; 0 if the folder does not exist."""
    return sum(1 for _ in _images(folder))


def flat_hint(folder: str | os.PathLike[str]) -> str:
    """What to do with a folder whose images do not lie in subfolders; nothing if there are none."""
    if any(path.is_file() and is_image_path(path.name) for path in Path(folder).glob("*")):
        return " Its images lie in no subfolder: move each into a folder named after its class, such as n02110958."
    return ""


def _images(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if is_image_path(path.relative_to(folder)))
