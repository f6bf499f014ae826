"""Build an atlas: natural images, images of all units, and results derived from them. A run may stop at any time."""

import contextlib
import os
import re
from pathlib import Path
from typing import Any

import keras

from maco_tf.atlas.atomic_files import clear_unfinished
from maco_tf.atlas.chunks import plan_chunks
from maco_tf.atlas.explaining import Explainer, explain_here, missing_work
from maco_tf.atlas.plan import AtlasPlan
from maco_tf.atlas.progress import Progress
from maco_tf.atlas.record_store import Store
from maco_tf.atlas.run_lock import brief_lock, run_lock
from maco_tf.atlas.stages import Stages
from maco_tf.atlas.unit_specs import Specs
from maco_tf.atlas.workers import Workers
from maco_tf.checks import check_integer, check_shard
from maco_tf.optimization.loop import check_verbose


def build(
    model: keras.Model,
    units: Specs,
    folder: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    shard: tuple[int, int] = (0, 1),
    workers: int | None = None,
    ray: str | None = None,
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
        workers: number of processes that explain units at the same time, by Ray: with a GPU each, or equal parts of the
            cores. `None` is one for each GPU of a cluster or, if it has none, for each machine; without `ray`, this
            process alone does the work. So does 1.
        ray: the address of a Ray cluster, such as "auto" or "ray://head:10001". `None` takes this machine. Only this
            process writes to the folder, so other machines need not reach it.
        verbose: 0 is silent; otherwise progress is shown. The file log.txt gets it in any case.
        **options: see `AtlasPlan`.

    Returns:
        The `Store`.

    Raises:
        ValueError: an argument is wrong, the folder holds something else or an atlas of other settings, or another run
            is writing to it. Nothing is written.
        ImportError: Ray is not installed, and `workers` or `ray` needs it.
        OSError: the disk is full or the folder cannot be written. What is there stays whole.
        KeyboardInterrupt: Ctrl-C stopped the run. The same call goes on.
    """
    plan = AtlasPlan(model, units, **options)
    return run_plan(plan, folder, overwrite=overwrite, shard=shard, workers=workers, ray=ray, verbose=verbose)


def run_plan(
    plan: AtlasPlan,
    folder: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    shard: tuple[int, int] = (0, 1),
    workers: int | None = None,
    ray: str | None = None,
    verbose: int | str = "auto",
) -> Store:
    """Build the atlas of a plan; see `build`."""
    check_verbose(verbose)
    shard = check_shard(shard)
    workers = None if workers is None else check_integer("workers", workers, 1)
    if re.match(r"\w+://", str(folder)):
        raise ValueError(
            f'"folder" must be on a file system, because records appear there by being renamed. Received: {folder}. '
            "Build the atlas on a disk, and copy the finished folder there."
        )
    folder, manifest = Path(folder), plan.manifest(folder)
    # Refused before anything is written.
    Store.find(folder, manifest, overwrite=overwrite)
    crew = None if ray is None and workers in (None, 1) else Workers(plan.visualizer, manifest, workers, ray)
    folder.mkdir(parents=True, exist_ok=True)
    # Workers that cannot start end the run before anything is computed.
    with run_lock(folder, shard), crew or contextlib.nullcontext():
        with brief_lock(folder, "begin"):
            store = Store.create(folder, manifest, overwrite=overwrite)
            clear_unfinished(folder)
        progress = Progress(folder / "log.txt", verbose, crew.count if crew else 1)
        stages = Stages(plan, store, shard, progress)
        stages.write_natural_images()
        planned, found = (
            plan_chunks(units, plan.seeds, manifest["batch"]) for units in (plan.units, stages.find_units())
        )
        work = missing_work(store, [*planned[shard[0] :: shard[1]], *found])
        progress.begin([part.chunk for part in work])
        if crew is None:
            faults = explain_here(Explainer(plan.visualizer), store, work, progress)
        else:
            faults = crew.explain(store, work, progress)
        with brief_lock(folder, "end"):
            stages.finish()
    faults.warn()
    return store
