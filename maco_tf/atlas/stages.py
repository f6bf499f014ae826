"""What a build does before and after the images of units: natural images, concepts, activation grids, neighbours."""

from collections.abc import Callable, Sequence
from typing import Any

from maco_tf.atlas.activation_grid import write_grid
from maco_tf.atlas.class_concepts import write_class_concepts
from maco_tf.atlas.natural_images import write_natural_images
from maco_tf.atlas.neighbours import write_neighbours
from maco_tf.atlas.plan import AtlasPlan
from maco_tf.atlas.progress import Progress
from maco_tf.atlas.record_store import LOCKS, Store
from maco_tf.atlas.record_table import write_index
from maco_tf.atlas.unit import Unit
from maco_tf.atlas.unit_specs import class_names


class Stages:
    """The stages of one run.

    Args:
        plan: the plan.
        store: the atlas.
        shard: `(number, count)`.
        progress: the progress.
    """

    def __init__(self, plan: AtlasPlan, store: Store, shard: tuple[int, int], progress: Progress) -> None:
        self._plan, self._store, self._shard, self._progress = plan, store, shard, progress
        self._mine: list[Unit] = []
        resolved = plan.visualizer.resolved
        self._inputs: dict[str, Any] = {
            "preprocessing": resolved.preprocessing,
            "input_shape": plan.visualizer.activations.input_shape,
        }

    def write_natural_images(self) -> None:
        """Write the natural images of the units of the plan, in the first shard: one pass serves all units."""
        if self._plan.images is not None and self._shard[0] == 0:
            self._progress.say(f"Searching natural images for {len(self._plan.units):,} units")
            model, units, images = self._plan.visualizer.model, self._plan.units, self._plan.images
            show = self._shown("units with natural images")
            settings: dict[str, Any] = {"verbose": self._progress.bars, "progress": show, **self._inputs}
            write_natural_images(self._store, model, units, images, **settings)

    def find_units(self) -> list[Unit]:
        """Find the concepts and cells of this shard's classes and layers, and write their records."""
        number, count = self._shard
        self._mine = self._found(self._plan.concept_classes[number::count], self._plan.grid[number::count])
        return self._mine

    def finish(self) -> None:
        """Write what is derived from all records, if this is the only shard or the last one to finish.

        `find_units` comes before it.
        """
        number, count = self._shard
        digest = self._store.manifest["digest"]
        marks = [self._store.folder / LOCKS / f"finished-{shard}-of-{count}" for shard in range(count)]
        marks[number].write_text(digest)
        if not all(mark.exists() and mark.read_text() == digest for mark in marks):
            self._progress.say("The shard that finishes last writes the index.")
            return
        # Everything is there, so this reads the units that the other shards have found.
        found = self._mine if count == 1 else self._found(self._plan.concept_classes, self._plan.grid)
        units = [*self._plan.units, *found]
        write_neighbours(self._store, self._plan.visualizer.model, units)
        self._progress.say(f"{len(units):,} units. Wrote {write_index(self._store)}")

    def _found(self, classes: Sequence[int], layers: Sequence[str]) -> list[Unit]:
        store, model, images = self._store, self._plan.visualizer.model, self._plan.images
        known: dict[str, Any] = {"class_names": class_names(self._plan.visualizer), **self._inputs}
        found: list[Unit] = []
        if classes:
            self._progress.note(f"Finding the concepts of {len(classes):,} classes")
            logits = {unit.index: unit.key for unit in self._plan.units if unit.kind == "logit"}
            found += write_class_concepts(
                store,
                model,
                classes,
                images,
                self._plan.concepts,
                logits=logits,
                progress=self._shown("classes with concepts"),
                **known,
            )
        for layer in layers:
            self._progress.note(f"Computing the activation grid of {layer}")
            found += write_grid(store, model, layer, images, **known)
        return found

    def _shown(self, what: str) -> Callable[[int, int], None]:
        """A function that shows how many of all are done."""
        return lambda done, count: self._progress.show(f"{done:,} of {count:,} {what}")
