"""The work of an atlas in chunks: units and a seed that one call of a compiled function explains."""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Sequence

from maco_tf.atlas.unit import Unit
from maco_tf.objectives.combinations import concatenate, structure
from maco_tf.objectives.objective import Objective

# Kinds whose units a text can name several at a time, as "channel:LAYER:1,2".
_NAMED = {"logit": "logit:{}", "channel": "channel:{layer}:{}"}


@dataclasses.dataclass(frozen=True, eq=False)
class Chunk:
    """Units that are explained together, with one seed.

    What a chunk holds depends on the plan only, never on what is already there: rounding depends on the other images of
    a batch, so a chunk of which an item is missing is computed whole, and the item gets the bits that it had.

    Attributes:
        units: the units.
        seed: the seed.
        size: the number of images of the batch. A shorter last chunk repeats its last unit, so that the function need
            not be traced again.
    """

    units: tuple[Unit, ...]
    seed: int
    size: int

    @property
    def keys(self) -> list[str]:
        """The keys of its items, such as "logit/0254/seed-0"."""
        return [item_key(unit, self.seed) for unit in self.units]

    @property
    def group(self) -> str:
        """The layer and kind of its units, such as "channel/block5b_add"."""
        return self.units[0].key.rpartition("/")[0]

    @property
    def objective(self) -> Objective:
        """An objective of length `size`."""
        return concatenate([unit.objective for unit in self._padded])

    @property
    def text(self) -> str | None:
        """The objective as the command `maco-tf explain` takes it; `None` where no text names it."""
        kind, layer = self.units[0].kind, self.units[0].layer
        if kind not in _NAMED:
            return None
        return _NAMED[kind].format(",".join(str(unit.index) for unit in self._padded), layer=layer)

    @property
    def _padded(self) -> list[Unit]:
        return [*self.units, *[self.units[-1]] * (self.size - len(self.units))]


def item_key(unit: Unit, seed: int) -> str:
    """The key of an item, a unit with a seed."""
    return f"{unit.key}/seed-{seed}"


def plan_chunks(units: Iterable[Unit], seeds: Sequence[int], batch: int) -> list[Chunk]:
    """Cut units and seeds into chunks.

    Units of one layer and one structure of objective form a group, which is cut into chunks of nearly equal sizes. All
    chunks of a group have the size of the first, so that one compiled function serves them.

    Args:
        units: the units; an order of their own is kept within a group.
        seeds: the seeds.
        batch: the most images of a chunk, at least 1.

    Returns:
        List of `Chunk`s, group by group, so that a compiled function can be forgotten when its group is done.
    """
    groups: dict[object, list[Unit]] = {}
    for unit in units:
        groups.setdefault((unit.key.rpartition("/")[0], structure(unit.objective)), []).append(unit)
    chunks = []
    for members in groups.values():
        size = math.ceil(len(members) / math.ceil(len(members) / batch))
        for seed, start in itertools.product(seeds, range(0, len(members), size)):
            chunks.append(Chunk(tuple(members[start : start + size]), seed, size))
    return chunks
