"""Verify an atlas: every checksum, and what is missing or does not belong there."""

from collections.abc import Iterator
from pathlib import Path

from maco_tf.atlas.manifest import read_json
from maco_tf.atlas.record_store import SECTIONS, Store


def check(folder: str | Path) -> list[str]:
    """Find what is wrong with an atlas. `build` repairs it: it makes again what is missing or damaged.

    Args:
        folder: the folder of the atlas.

    Returns:
        List of sentences, each with the path of a file; empty if the atlas is whole.

    Raises:
        ValueError: the folder holds no atlas, or its manifest is damaged.
    """
    return list(_problems(Store.open(folder)))


def _problems(store: Store) -> Iterator[str]:
    for path in store.foreign_files():
        yield f"{path} does not belong to the atlas."
    for section in SECTIONS:
        for key in store.keys(section):
            yield from store.problems(section, key)
    neighbours = store.folder / "neighbours.json"
    if neighbours.exists():
        try:
            read_json(neighbours)
        except ValueError as error:
            yield str(error)
    present = set(store.keys("items"))
    for unit in sorted({key.rpartition("/")[0] for key in present}):
        for seed in store.manifest["seeds"]:
            if f"{unit}/seed-{seed}" not in present:
                yield f"{store.path('items', f'{unit}/seed-{seed}')} is missing."
