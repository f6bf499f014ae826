"""The image files of a folder, and their classes."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from maco_tf.checks import warn_user
from maco_tf.images.decoding import read_image_file

# The endings of image files that OpenCV decodes.
IMAGE_ENDINGS = (
    ".avif",
    ".bmp",
    ".gif",
    ".jfif",
    ".jp2",
    ".jpe",
    ".jpeg",
    ".jpg",
    ".png",
    ".tif",
    ".tiff",
    ".webp",
)
# Endings of pictures that are not read. A warning counts these files; other files, such as labels, are no pictures.
_PICTURES_NOT_READ = (".dcm", ".dng", ".eps", ".exr", ".hdr", ".heic", ".heif", ".jxl", ".psd", ".raw", ".svg")

# Number of files that a warning lists.
_LISTED = 3


def image_files(folder: str | os.PathLike[str]) -> list[str]:
    """The image files in a folder and its subfolders.

    Hidden files and folders, whose names start with a dot, are left out, and so is `__MACOSX`. Links are followed. A
    warning counts pictures of formats that are not read.

    Args:
        folder: the folder.

    Returns:
        List of paths in the order of `keras.utils.image_dataset_from_directory`: folder by folder, sorted by name.

    Raises:
        ValueError: the folder does not exist or has no image in it.
    """
    if not Path(folder).is_dir():
        raise ValueError(f'"images" must name a folder that exists. Received: {str(folder)!r}.')
    found: list[str] = []
    others: list[str] = []
    for parent, names in sorted(_walk(os.fspath(folder))):
        for name in sorted(names):
            if is_image_path(name):
                found.append(os.path.join(parent, name))
            elif not _is_hidden(name):
                others.append(os.path.join(parent, name))
    if not found:
        endings = ", ".join(sorted({Path(name).suffix or "no ending" for name in others})) or "no file"
        raise ValueError(
            f'"images" must hold at least one image. Received: {str(folder)!r}, with {endings}. Image files end in '
            f"{', '.join(IMAGE_ENDINGS)}."
        )
    not_read = [name for name in others if name.lower().endswith(_PICTURES_NOT_READ)]
    if not_read:
        counts = Counter(Path(name).suffix.lower() for name in not_read)
        warn_user(
            f"{len(not_read)} picture(s) in {str(folder)!r} are left out because their format is not read: "
            f"{', '.join(f'{count} {ending}' for ending, count in sorted(counts.items()))}. Save them as PNG."
        )
    return found


def is_image_path(path: str | os.PathLike[str]) -> bool:
    """Whether `image_files` lists this path, relative to its folder: it has an image's ending and no hidden part."""
    path = Path(path)
    return path.suffix.lower() in IMAGE_ENDINGS and not any(map(_is_hidden, path.parts))


def readable_files(paths: Sequence[str], *, warn: bool = True) -> list[str]:
    """The files that can be read.

    Args:
        paths: names of image files. Each is decoded, which takes about as long as using it.
        warn: whether a warning lists the others.

    Returns:
        List of paths, in the same order.
    """
    damaged = {path: None for path in paths if not _is_readable(path)}
    if warn:
        warn_of_damaged(list(damaged))
    return [path for path in paths if path not in damaged]


def warn_of_damaged(paths: Sequence[str | os.PathLike[str]]) -> None:
    """Warn of files that were left out because they cannot be decoded, if there are any."""
    if paths:
        more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
        warn_user(f"{len(paths)} damaged image file(s) were left out: {', '.join(map(str, paths[:_LISTED]))}{more}.")


def class_of_file(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> str:
    """The class of an image in a folder laid out like ImageNet: the name of the subfolder that holds the image.

    Args:
        path: path of the image file.
        folder: folder that holds one subfolder for every class.

    Returns:
        String, such as "n02110958".

    Raises:
        ValueError: the file does not lie in a subfolder.
    """
    parts = Path(path).relative_to(folder).parts
    if len(parts) < 2:
        raise ValueError(
            '"folder" must hold one subfolder for every class, such as "n02110958/image.jpg". Received: '
            f"{path}, outside any subfolder. For images without classes, call the extractor on the folder itself."
        )
    return parts[0]


def _is_readable(path: str) -> bool:
    try:
        return read_image_file(path) is not None
    except (OSError, ValueError):
        return False


def _walk(folder: str) -> Iterator[tuple[str, list[str]]]:
    """The visible folders from this one down, with the names of their files."""
    for parent, folders, names in os.walk(folder, followlinks=True):
        here = os.path.realpath(parent)
        # A link to a folder above itself would lead around forever.
        folders[:] = [
            name
            for name in folders
            if not _is_hidden(name)
            and not os.path.join(here, "").startswith(os.path.join(os.path.realpath(os.path.join(parent, name)), ""))
        ]
        yield parent, names


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
