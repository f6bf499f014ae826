"""Measure find_exemplars: its time beside the bare network's on the same decoded images, and its memory.

    python -m tests.speed.exemplars FOLDER

FOLDER holds images. The search of all units of five layers and the bare forward pass take turns on arrays of decoded
images, so that other work on the machine slows both. A second search begins with the files. The time of an image is
the difference between a pass over all images and one over the first third, which leaves out tracing; the time of a
whole call is given too. Peaks of memory are those of separate processes that search files.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from maco_tf import find_exemplars
from maco_tf.images import image_files, readable_files
from maco_tf.images.decoding import read_image_file
from maco_tf.images.fitting import fit_images
from maco_tf.models import zoo

LAYERS = ("block2b_add", "block3b_add", "block4c_add", "block5c_add", "top_activation")

# Images of ImageNet's training set, for the forecast.
_IMAGENET = 1_281_167


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and print the results as JSON.

    Args:
        arguments: the arguments; `None` takes those of the command line.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.speed.exemplars",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folder", type=Path)
    add("--network", default="efficientnet_lite0", help="a network of the zoo (default: %(default)s)")
    add("--layers", nargs="+", default=LAYERS, help="default: five layers of EfficientNet-Lite0")
    add("--images", type=int, default=480, help="decoded images that are timed (default: %(default)s)")
    add("--rounds", type=int, default=5, help="turns of every method (default: %(default)s)")
    add("--batch-size", type=int, default=32)
    add("--memory", type=int, nargs="*", default=(300, 1300), help="numbers of files of the measurements of memory")
    add("--peak", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.peak:
        print(json.dumps(_peak(options)))
        return 0
    results = _times(options)
    given = sys.argv[1:] if arguments is None else arguments
    results["peak_mib"] = {count: _peak_of_process(count, given) for count in options.memory}
    print(json.dumps(results, indent=1))
    return 0


def _times(options: argparse.Namespace) -> dict[str, Any]:
    model = zoo.load(options.network)
    files = readable_files(image_files(options.folder)[: options.images])
    shape = model.input_shape[1:3]
    began = time.monotonic()
    decoded = np.stack([fit_images(read_image_file(path)[None], shape)[0] for path in files])  # type: ignore[index]
    decoding = (time.monotonic() - began) / len(files)
    bare = tf.function(lambda batch: model(batch, training=False))

    def forward(images: np.ndarray) -> None:
        for start in range(0, len(images), options.batch_size):
            bare(tf.constant(images[start : start + options.batch_size])).numpy()

    def search(images: Any) -> None:
        find_exemplars(model, list(options.layers), images, batch_size=options.batch_size, verbose=0)

    found = find_exemplars(model, list(options.layers), decoded[:64], verbose=0)
    methods: dict[str, tuple[Callable[[Any], None], Any]] = {
        "bare": (forward, decoded),
        "arrays": (search, decoded),
        "files": (search, files),
    }
    third = len(files) // (3 * options.batch_size) * options.batch_size
    forward(decoded)
    rounds: list[dict[str, Any]] = []
    for _ in range(options.rounds):
        taken: dict[str, Any] = {}
        for name, (run, images) in methods.items():
            few, all_ = _seconds(run, images[:third]), _seconds(run, images)
            taken[name] = {
                "wall": (all_[0] - few[0]) / (len(files) - third),
                "cpu": (all_[1] - few[1]) / (len(files) - third),
                "call": all_[0],
            }
        rounds.append(taken)
        print(json.dumps(taken), file=sys.stderr, flush=True)
    median = {
        name: {key: statistics.median(taken[name][key] for taken in rounds) for key in ("wall", "cpu", "call")}
        for name in methods
    }
    return {
        "network": options.network,
        "units": len(found),
        "images": len(files),
        "cores": len(os.sched_getaffinity(0)),
        "gpus": len(tf.config.list_physical_devices("GPU")),
        "decoding_ms": 1e3 * decoding,
        "ms_per_image": {name: 1e3 * values["wall"] for name, values in median.items()},
        "cpu_ms_per_image": {name: 1e3 * values["cpu"] for name, values in median.items()},
        "seconds_per_call": {name: values["call"] for name, values in median.items()},
        "ratio_to_bare": {
            f"{name}, {key}": [round(taken[name][key] / taken["bare"][key], 3) for taken in rounds]
            for name in ("arrays", "files")
            for key in ("wall", "cpu", "call")
        },
        "hours_for_imagenet": median["files"]["wall"] * _IMAGENET / 3600,
    }


def _seconds(run: Callable[[Any], None], images: Any) -> tuple[float, float]:
    """Seconds on the wall, and of all cores together."""
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    run(images)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _peak(options: argparse.Namespace) -> float:
    """The peak of memory of a search of files, MiB."""
    files = image_files(options.folder)[: options.peak]
    find_exemplars(zoo.load(options.network), list(options.layers), files, batch_size=options.batch_size, verbose=0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _peak_of_process(count: int, arguments: Sequence[str]) -> float:
    command = [sys.executable, "-m", "tests.speed.exemplars", *arguments, "--peak", str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


if __name__ == "__main__":
    raise SystemExit(main())
