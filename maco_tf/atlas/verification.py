"""Verify an atlas: every checksum, and what is missing or does not belong there."""

from collections.abc import Iterator
from pathlib import Path

from maco_tf.atlas.manifest import read_json
from maco_tf.atlas.record_store import SECTIONS, Store
from maco_tf.atlas.unit_specs import planned_keys


def check(folder: str | Path) -> list[str]:
    """Find what is wrong with an atlas. `build` repairs it: it makes again what is missing or damaged.

    Args:
        folder: the folder of the atlas.

    Returns:
        List of sentences, each with the path of a file; empty if the atlas is whole. Of an atlas that is not finished,
        all items are listed that the texts of its plan name and that are missing.

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
    present = set(store.keys("items"))
    units = {_parent(key) for key in present}
    if neighbours.exists():
        try:
            read_json(neighbours)
        except ValueError as error:
            yield str(error)
    else:
        yield f"{neighbours} is missing, because the build is not finished."
        planned = planned_keys(store.manifest)
        # Of a group with units that the manifest does not tell, the plan is not known.
        unknown = {_parent(unit) for unit in units - planned}
        units |= {unit for unit in planned if _parent(unit) not in unknown}
    for unit in sorted(units):
        for seed in store.manifest["seeds"]:
            if f"{unit}/seed-{seed}" not in present:
                yield f"{store.path('items', f'{unit}/seed-{seed}')} is missing."


def _parent(key: str) -> str:
    """The key of the unit of an item, or the group of a unit, such as "channel/block5b_add"."""
    return key.rpartition("/")[0]
