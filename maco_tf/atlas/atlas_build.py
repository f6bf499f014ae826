"""Build an atlas: natural images, images of all units, and what follows from them, in a run that may stop any time."""

import dataclasses
import functools
import os
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras

from maco_tf.atlas.atomic_files import clear_unfinished
from maco_tf.atlas.chunks import Chunk, plan_chunks
from maco_tf.atlas.explained_items import Writer, explain_chunk
from maco_tf.atlas.plan import AtlasPlan
from maco_tf.atlas.progress import Progress, StepClock
from maco_tf.atlas.record_store import Store
from maco_tf.atlas.run_lock import brief_lock, run_lock
from maco_tf.atlas.stages import Stages
from maco_tf.atlas.unit_specs import Specs
from maco_tf.checks import check_integer, settled, warn_user
from maco_tf.objectives.combinations import structure
from maco_tf.optimization.loop import check_verbose
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
    check_verbose(verbose)
    count = check_integer("shard", shard[1], 1)
    shard = check_integer("shard", shard[0], 0, count - 1), count
    folder, manifest = Path(folder), plan.manifest(folder)
    # Refused before anything is written.
    Store.find(folder, manifest, overwrite=overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    with run_lock(folder, shard):
        with brief_lock(folder, "begin"):
            store = Store.create(folder, manifest, overwrite=overwrite)
            clear_unfinished(folder)
        progress = Progress(folder / "log.txt", verbose)
        stages = Stages(plan, store, shard, progress)
        stages.write_natural_images()
        planned, found = (
            plan_chunks(units, plan.seeds, manifest["batch"]) for units in (plan.units, stages.find_units())
        )
        work = missing_work(store, [*planned[shard[0] :: shard[1]], *found])
        progress.begin([part.chunk for part in work])
        failed = explain_here(plan.visualizer, store, work, progress)
        with brief_lock(folder, "end"):
            stages.finish()
    if failed:
        warn_user(
            f"{len(failed)} images could not be made, because a score or an image was not finite: "
            f"{', '.join(failed[:3])}. The file log.txt says more."
        )
    return store


class Work(NamedTuple):
    """A chunk of which something is missing.

    Attributes:
        chunk: the chunk.
        wanted: the keys of the items that are missing or damaged. Only these are written.
    """

    chunk: Chunk
    wanted: list[str]


def missing_work(store: Store, chunks: Iterable[Chunk]) -> list[Work]:
    """The chunks of which an item is missing, or does not match its checksum.

    Args:
        store: the atlas.
        chunks: the plan.
    """
    work = [Work(chunk, [key for key in chunk.keys if not store.is_whole("items", key)]) for chunk in chunks]
    return [part for part in work if part.wanted]


def explain_here(visualizer: Visualizer, store: Store, work: Sequence[Work], progress: Progress) -> list[str]:
    """Explain chunks in this process, one after the other.

    Args:
        visualizer: the visualizer.
        store: the atlas.
        work: the chunks that are left.
        progress: the progress.

    Returns:
        The keys of items that could not be made, because a score or an image was not finite.

    Raises:
        OSError: see `Store.write`.
        KeyboardInterrupt: see `explain_chunk`.
    """
    failed: list[str] = []
    with Writer(store) as writer:
        for (chunk, wanted), current in _with_visualizers(work, visualizer):
            begun = time.monotonic()
            clock = StepClock(settled(current.resolved.steps), functools.partial(progress.step, chunk))
            try:
                with warnings.catch_warnings(record=True) as caught:
                    explanation = explain_chunk(current, chunk, [clock])
            except FloatingPointError as error:
                progress.say(f"{chunk.group}, seed {chunk.seed} failed: {error}")
                failed += wanted
            else:
                for warning in caught:
                    progress.note(f"warning: {warning.message}")
                writer.write(chunk, explanation, wanted)
            progress.finish(chunk, time.monotonic() - begun, clock.tracing)
    return failed


def _with_visualizers(work: Iterable[Work], visualizer: Visualizer) -> Iterator[tuple[Work, Visualizer]]:
    """Chunks with a visualizer, a new one for each compiled function, so that earlier functions leave the memory."""
    compiled: Any = None
    for part in work:
        needed = (structure(part.chunk.units[0].objective), part.chunk.size)
        if needed != compiled:
            compiled, current = needed, dataclasses.replace(visualizer)
        yield part, current
