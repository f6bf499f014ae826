"""The files of a saved result: an archive of everything, and a folder with the archive and pictures."""

import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maco_tf.display.files import file_name, write_png
from maco_tf.display.film import Film

ARCHIVE, SHEET, FILM = "explanation.npz", "contact_sheet.png", "film.webp"


def write_archive(path: Path, arrays: dict[str, Any], record: dict[str, Any], *, compress: bool = True) -> None:
    """Write arrays and a record of JSON. A failure leaves an earlier file whole.

    Args:
        path: name of the file. Missing folders are created.
        arrays: dictionary, name -> array.
        record: dictionary, as JSON.
        compress: whether to compress the file, which takes about 20 times longer.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {**arrays, "record": json.dumps(record)}
    unfinished = path.with_name(f".{path.name}.partial")
    try:
        with unfinished.open("wb") as file:
            (np.savez_compressed if compress else np.savez)(file, **arrays)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_archive(
    path: Path, *, argument: str = "path", writer: str = "Explanation.save"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what `write_archive` wrote.

    Args:
        path: name of the file.
        argument: the argument's name, for the error.
        writer: the function that writes such files, for the error.

    Returns:
        The arrays, by their names, and the record.

    Raises:
        ValueError: the file is damaged, or holds something else.
    """
    if path.is_file() and path.suffix.lower() != ".npz":
        raise ValueError(
            f'"{argument}" must name the .npz file that {writer} wrote, or its folder; pictures do not hold '
            f"everything. Received: {path}."
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays: dict[str, Any] = {name: archive[name] for name in archive.files}
        return arrays, json.loads(str(arrays.pop("record")))
    except (ValueError, KeyError, IndexError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f'"{argument}" must name what {writer} wrote. Received: {path} ({error}).') from error


def write_folder(
    folder: Path,
    names: Sequence[str],
    archive: Callable[[Path], Any],
    sheet: bytes,
    pictures: Iterable[np.ndarray],
    film: Film | None = None,
) -> list[Path]:
    """Write the archive, the sheet and the pictures of an explanation, in place of those of an earlier save.

    Args:
        folder: the folder, which may be missing.
        names: the names of the images.
        archive: function that writes the archive to a path.
        sheet: the contact sheet, PNG.
        pictures: arrays (height, width, 4), one for each image, in [0, 1].
        film: the film of the run, if it was recorded.

    Returns:
        List of the paths written.

    Raises:
        ValueError: see `check_folder`.
    """
    earlier = check_folder(folder, names, filmed=film is not None)
    archive(folder / ARCHIVE)
    for file in earlier:
        if file.name != ARCHIVE:
            file.unlink()
    (folder / SHEET).write_bytes(sheet)
    written = [write_png(folder / file, image) for file, image in zip(picture_files(names), pictures)]
    if film is not None:
        written.append(film.save(folder / FILM))
    return [folder / ARCHIVE, folder / SHEET, *written]


def picture_files(names: Sequence[str]) -> list[str]:
    """The names of the pictures in a saved folder, one for each image.

    Args:
        names: the names of the images.

    Returns:
        List of file names, all different. Several are numbered, and so is one that would be called like the sheet.
    """
    files = [f"{file_name(name)}.png" for name in names]
    if len(files) == 1 and files[0].lower() != SHEET:
        return files
    return [f"{index:03d}_{file}" for index, file in enumerate(files)]


def check_folder(folder: Path, names: Sequence[str], *, filmed: bool = False) -> list[Path]:
    """Check that saving into a folder overwrites nothing but an earlier save.

    Args:
        folder: the folder, which may be missing.
        names: the names of the images to be saved.
        filmed: whether a film is saved too.

    Returns:
        List of the files that an earlier save wrote, which its archive tells.

    Raises:
        ValueError: a file stands in the way that no save wrote, or the archive in the folder is damaged.
    """
    earlier: list[Path] = []
    if (folder / ARCHIVE).exists():
        _, record = read_archive(folder / ARCHIVE)
        film = [FILM] if "frame_steps" in record else []
        earlier = [folder / name for name in (ARCHIVE, SHEET, *film, *picture_files(record.get("names", [])))]
    new = [folder / name for name in (SHEET, *([FILM] if filmed else []), *picture_files(names))]
    foreign = [path.name for path in new if path not in earlier and path.exists()]
    if foreign:
        raise ValueError(
            f'"path" must not hold files of the same names that no Explanation.save wrote. Received: {folder}, with '
            f"{', '.join(foreign[:3])}. Choose another folder, or move them away."
        )
    return [path for path in earlier if path.exists()]
