"""Build an atlas: natural images, images of all units, and what follows from them, in a run that may stop any time."""

import dataclasses
import functools
import os
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras

from maco_tf.atlas.atomic_files import clear_unfinished
from maco_tf.atlas.chunks import Chunk, plan_chunks
from maco_tf.atlas.explained_items import Writer, explain_chunk
from maco_tf.atlas.natural_images import write_natural_images
from maco_tf.atlas.plan import AtlasPlan
from maco_tf.atlas.progress import Progress, StepClock
from maco_tf.atlas.record_store import Store
from maco_tf.atlas.record_table import write_index
from maco_tf.atlas.run_lock import brief_lock, run_lock
from maco_tf.atlas.unit import Unit
from maco_tf.atlas.unit_specs import Specs
from maco_tf.checks import settled, warn_user
from maco_tf.objectives.combinations import structure
from maco_tf.visualizers.visualizer import Visualizer


def build(
    model: keras.Model,
    units: Specs,
    folder: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    shard: tuple[int, int] = (0, 1),
    verbose: int | str = "auto",
    **options: Any,
) -> Store:
    """Explain thousands of units of a model, and write the images and all that belongs to them into a folder.

        maco_tf.atlas.build(model, ["logit:*", "channel:block5b_add:*"], "atlas", images="photographs", recipe="fast")

    A run that is killed loses the images in progress only; the same call goes on from there, and the atlas ends with
    the bits of a run without a break. It makes again what is missing or does not match its checksum.

    Args:
        model: see `MacoVisualizer`.
        units: see `AtlasPlan`.
        folder: the folder of the atlas, which may be missing.
        overwrite: whether an atlas of other settings in the folder is deleted.
        shard: `(number, count)` does every `count`-th part of the work, beginning with this number, so that several
            processes or machines can share a folder.
        verbose: 0 is silent; otherwise progress is shown. The file log.txt gets it in any case.
        **options: see `AtlasPlan`.

    Returns:
        The `Store`.

    Raises:
        ValueError: an argument is wrong, the folder holds something else or an atlas of other settings, or another run
            is writing to it. Nothing is written.
        OSError: the disk is full or the folder cannot be written. What is there stays whole.
        KeyboardInterrupt: Ctrl-C stopped the run. The same call goes on.
    """
    return run_plan(AtlasPlan(model, units, **options), folder, overwrite=overwrite, shard=shard, verbose=verbose)


def run_plan(
    plan: AtlasPlan,
    folder: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    shard: tuple[int, int] = (0, 1),
    verbose: int | str = "auto",
) -> Store:
    """Build the atlas of a plan; see `build`."""
    folder, manifest = Path(folder), plan.manifest(folder)
    # Refused before anything is written.
    Store.find(folder, manifest, overwrite=overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    with run_lock(folder, shard):
        with brief_lock(folder, "begin"):
            store = Store.create(folder, manifest, overwrite=overwrite)
            clear_unfinished(folder)
        progress = Progress(folder / "log.txt", verbose)
        work = _Work(plan, store, shard, progress)
        work.explain(work.find_units())
        with brief_lock(folder, "end"):
            work.finish()
    return store


class _Work:
    """One run: its part of the chunks of a plan, into a store.

    Args:
        plan: the plan.
        store: the atlas.
        shard: `(number, count)`.
        progress: the progress.
    """

    def __init__(self, plan: AtlasPlan, store: Store, shard: tuple[int, int], progress: Progress) -> None:
        self._plan, self._store, self._shard, self._progress = plan, store, shard, progress

    def find_units(self) -> list[Unit]:
        """Write natural images, concepts and grids; the units of the plan, and those that are found."""
        plan, store = self._plan, self._store
        resolved = plan.visualizer.resolved
        inputs: dict[str, Any] = {"preprocessing": resolved.preprocessing, "input_shape": resolved.input_shape}
        if plan.images is not None and self._shard[0] == 0:
            self._progress.say(f"Natural images of {len(plan.units):,} units")
            write_natural_images(store, plan.visualizer.model, plan.units, plan.images, verbose=0, **inputs)
        return plan.units

    def explain(self, units: Sequence[Unit]) -> None:
        """Explain this run's part of all chunks that are not whole."""
        chunks = plan_chunks(units, self._plan.seeds, self._store.manifest["batch"])
        number, count = self._shard
        missing = {chunk: self._missing(chunk) for chunk in chunks[number::count]}
        left = [chunk for chunk, keys in missing.items() if keys]
        self._progress.begin(left)
        self._progress.say(f"{sum(len(chunk.units) for chunk in left):,} images in {len(left):,} chunks are left")
        failed: list[str] = []
        with Writer(self._store) as writer:
            for chunk, visualizer in _with_visualizers(left, self._plan.visualizer):
                begun = time.monotonic()
                clock = StepClock(settled(visualizer.resolved.steps), functools.partial(self._progress.step, chunk))
                try:
                    with warnings.catch_warnings(record=True) as caught:
                        explanation = explain_chunk(visualizer, chunk, [clock])
                except FloatingPointError as error:
                    self._progress.say(f"{chunk.group}, seed {chunk.seed} failed: {error}")
                    failed += missing[chunk]
                else:
                    for warning in caught:
                        self._progress.note(f"warning: {warning.message}")
                    writer.write(chunk, explanation, missing[chunk])
                self._progress.finish(chunk, time.monotonic() - begun, clock.tracing)
        if failed:
            warn_user(
                f"{len(failed)} images could not be made, because a score or an image was not finite: "
                f"{', '.join(failed[:3])}. The file log.txt says more."
            )

    def finish(self) -> None:
        """Write what is derived from all records."""
        path = write_index(self._store)
        self._progress.say(f"Wrote {path}")

    def _missing(self, chunk: Chunk) -> list[str]:
        return [key for key in chunk.keys if not self._store.is_whole("items", key)]


def _with_visualizers(chunks: Iterable[Chunk], visualizer: Visualizer) -> Iterator[tuple[Chunk, Visualizer]]:
    """Chunks with a visualizer, a new one for each compiled function, so that earlier functions leave the memory."""
    compiled: Any = None
    for chunk in chunks:
        needed = (structure(chunk.units[0].objective), chunk.size)
        if needed != compiled:
            compiled, current = needed, dataclasses.replace(visualizer)
        yield chunk, current
