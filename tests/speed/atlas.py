"""Measure how fast an atlas is built: workers beside one process, the store beside the images, and the writing.

    python -m tests.speed.atlas

Run it alone on the machine. One process and workers take turns, each in a process of its own and a new folder. The rate
of a run counts the images from when all its processes have explained a batch, so that it leaves out the start and
tracing. The share of the store is the time of batches with their records and progress, beside that of the same batches
alone; both take turns in one process. The rate of writing is that of the items of one batch, written again and again.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from maco_tf.atlas import AtlasPlan, Store
from maco_tf.atlas.atlas_build import run_plan
from maco_tf.atlas.chunks import plan_chunks
from maco_tf.atlas.explained_items import Writer, make_items
from maco_tf.atlas.explaining import Explainer, Work, explain_here
from maco_tf.atlas.progress import Progress
from maco_tf.models import zoo


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and print the results as JSON.

    Args:
        arguments: the arguments; `None` takes those of the command line.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.speed.atlas", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--network", default="efficientnet_lite0", help="a network of the zoo (default: %(default)s)")
    add("--units", type=int, default=48, help="classes that a run explains (default: %(default)s)")
    add("--batch", type=int, default=4, help="images of a batch (default: %(default)s)")
    add("--image-size", type=int, default=128, help="side of an image, pixels (default: %(default)s)")
    add("--steps", type=int, default=64, help="steps of an image, with the recipe fast (default: %(default)s)")
    add("--workers", type=int, default=2, help="default: %(default)s")
    add("--rounds", type=int, default=3, help="turns of every method (default: %(default)s)")
    add("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        print(json.dumps(_build(options)))
        return 0
    given = list(sys.argv[1:] if arguments is None else arguments)
    runs = [{count: _build_in_process(given, count) for count in (1, options.workers)} for _ in range(options.rounds)]
    one, several = ([turn[count] for turn in runs] for count in (1, options.workers))
    results = {
        **{name: value for name, value in vars(options).items() if name != "child"},
        "cores": len(os.sched_getaffinity(0)),
        "load_before": os.getloadavg()[0],
        "seconds_per_image": statistics.median(1 / run["rate"] for run in one),
        "rate_of_workers": [turn[options.workers]["rate"] / turn[1]["rate"] for turn in runs],
        "seconds_to_start": {
            "one": statistics.median(run["start"] for run in one),
            "workers": statistics.median(run["start"] for run in several),
        },
        **_store(options),
    }
    print(json.dumps(results, indent=1))
    return 0


def _plan(options: argparse.Namespace) -> AtlasPlan:
    settings = {"recipe": "fast", "image_size": options.image_size, "steps": options.steps}
    return AtlasPlan(zoo.load(options.network), f"logit:0-{options.units - 1}", batch=options.batch, **settings)


def _build_in_process(arguments: Sequence[str], workers: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.speed.atlas", *arguments, "--workers", str(workers)]
        child = [*command, "--child", f"{folder}/atlas"]
        printed = subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(printed.splitlines()[-1])


def _build(options: argparse.Namespace) -> dict[str, float]:
    """Seconds until the run explains, and images per second after every process has explained its first batches."""
    plan, begun = _plan(options), time.time()
    folder = options.child
    run_plan(plan, folder, workers=options.workers, verbose=0)
    written = sorted(path.stat().st_mtime for path in (folder / "items").rglob("record.json"))
    # A worker may have explained a second batch before another one has explained its first.
    first = 2 * options.workers * options.batch
    start = (folder / "atlas.json").stat().st_mtime - begun
    return {"start": start, "rate": (len(written) - first) / (written[-1] - written[first - 1])}


def _store(options: argparse.Namespace) -> dict[str, float]:
    """What the store adds to the time of images, and how fast it is alone."""
    plan = _plan(options)
    chunks = plan_chunks(plan.units, [0], options.batch)[:4]
    explainer = Explainer(plan.visualizer)
    explanation, _ = explainer.explain(chunks[0])
    assert explanation is not None
    with tempfile.TemporaryDirectory() as folder:
        store = Store.create(f"{folder}/atlas", plan.manifest())
        progress = Progress(store.folder / "log.txt", verbose=0)
        work = [Work(chunk, chunk.keys) for chunk in chunks]

        def stored() -> None:
            progress.begin(chunks)
            explain_here(explainer, store, work, progress)

        def bare() -> None:
            for chunk in chunks:
                explainer.explain(chunk)

        shares = [_seconds(stored) / _seconds(bare) - 1 for _ in range(options.rounds)]
        items, times = make_items(chunks[0], explanation, store.manifest, chunks[0].keys), 50

        def write() -> None:
            with Writer(store, 4) as writer:
                for turn in range(times):
                    named = [item._replace(key=f"{item.key}-{turn}") for item in items]
                    writer.write(named.copy)

        writing = times * len(items) / _seconds(write)
    return {
        "share_of_store": statistics.median(shares),
        "images_written_per_second": writing,
        "kilobytes_per_image": sum(len(file) for item in items for file in item.files.values()) / len(items) / 1e3,
    }


def _seconds(run: Callable[[], Any]) -> float:
    begun = time.monotonic()
    run()
    return time.monotonic() - begun


if __name__ == "__main__":
    raise SystemExit(main())
