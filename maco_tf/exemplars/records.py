"""The results of a search on disk, and the results of its shards as one."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from maco_tf.exemplars.source import ImageSource
from maco_tf.exemplars.tally import State, empty_state, merge_states
from maco_tf.visualizers.saved_files import read_archive, write_archive

_WRITER = "Exemplars.save"

# The settings that change while a search goes on, and from shard to shard.
PROGRESS = ("shards", "complete", "damaged")


class Record(NamedTuple):
    """The fields of an `Exemplars`."""

    names: list[str]
    state: State
    config: dict[str, Any]
    source: ImageSource | None
    classes: list[str] | None


def write_result(path: Path, record: Record, *, compress: bool = True, argument: str = "path") -> Path:
    """Write a result, at once and whole.

    Args:
        path: a file ending in `.npz`.
        record: the result.
        compress: see `write_archive`.
        argument: the argument's name, for the error.

    Returns:
        The path.

    Raises:
        ValueError: another ending.
    """
    if path.suffix.lower() != ".npz":
        raise ValueError(f'"{argument}" must end in .npz. Received: {path}.')
    kinds = ("top_indices", "low_indices", "sample_indices")
    found = np.unique(np.concatenate([record.state[name].ravel() for name in kinds]))
    files = {}
    if record.source is not None:
        files = {str(index): name for index in found.tolist() if (name := record.source.path(index)) is not None}
    described = {"names": record.names, "config": record.config, "classes": record.classes, "files": files}
    write_archive(path, dict(record.state), described, compress=compress)
    return path


def read_result(path: Path, images: Any = None, *, argument: str = "path") -> Record:
    """Read what `write_result` wrote.

    Args:
        path: the file.
        images: the images that were searched, or an `ImageSource`; `None` reads the files whose paths were stored.
        argument: the argument's name, for the error.

    Returns:
        A `Record`.

    Raises:
        ValueError: the file is damaged or holds something else, or the images are others.
    """
    state, described = read_archive(path, argument=argument, writer=_WRITER)
    try:
        names, config, classes = described["names"], described["config"], described["classes"]
        files = {int(index): name for index, name in described["files"].items()}
        channels = config["input_shape"][2]
        expected = empty_state(len(names), state["top_scores"].shape[1], len(state.get("class_images", ())))
        for name, array in state.items():
            if array.dtype != expected[name].dtype or array.shape[-1:] != expected[name].shape[-1:]:
                raise ValueError(f"{name!r} has the shape {array.shape} and the type {array.dtype}")
        missing = expected.keys() - state.keys() - {"class_top", "class_images"}
        if missing:
            raise ValueError(f"there is no {min(missing)!r}")
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ValueError(f'"{argument}" must name what {_WRITER} wrote. Received: {path} ({error}).') from error
    if images is None:
        return Record(names, state, config, ImageSource.of_files(files, channels) if files else None, classes)
    source = images if isinstance(images, ImageSource) else ImageSource(images, channels)
    if source.digest() != config["images"]:
        raise ValueError(f'"images" must be those that were searched. Received: others than those of {path}.')
    return Record(names, state, config, source, classes)


def join_records(parts: Sequence[Record]) -> Record:
    """The result of all images, from the results of different shards of one search.

    Args:
        parts: records.

    Returns:
        A record.

    Raises:
        ValueError: there is none, a shard occurs twice, or they are of different searches.
    """
    if not parts:
        raise ValueError('"parts" must hold at least one result. Received: none.')
    first = parts[0]
    for part in parts[1:]:
        if part.names != first.names:
            raise ValueError('"parts" must be of the same units. Received: results of other units.')
        for key, value in first.config.items():
            if key not in PROGRESS and part.config.get(key) != value:
                raise ValueError(
                    f'"parts" must be of one search but for "shard". Received: {key} {value!r} and '
                    f"{part.config.get(key)!r}."
                )
    shards = [tuple(shard) for part in parts for shard in part.config["shards"]]
    if len({count for _, count in shards}) > 1 or len(set(shards)) < len(shards):
        raise ValueError(f'"parts" must be different shards of one division. Received: shards {sorted(shards)}.')
    state = functools.reduce(merge_states, [part.state for part in parts])
    config = {
        **first.config,
        "shards": sorted(map(list, shards)),
        "complete": all(part.config["complete"] for part in parts),
        "damaged": sorted({index for part in parts for index in part.config["damaged"]}),
    }
    return first._replace(state=state, config=config, source=_joined_source([part.source for part in parts]))


def _joined_source(sources: Sequence[ImageSource | None]) -> ImageSource | None:
    """A source of all images: one that can be streamed if there is any, or all files."""
    known = [source for source in sources if source is not None]
    whole = [source for source in known if not source.is_partial]
    return whole[0] if whole else functools.reduce(ImageSource.joined, known) if known else None
