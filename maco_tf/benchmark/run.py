"""A whole benchmark: images, scores, report."""

import dataclasses
import importlib.metadata
import json
import math
import os
import platform
import re
import statistics
import time
from pathlib import Path

import keras
import tensorflow as tf

from maco_tf.benchmark.comparison import compare_best, ratios
from maco_tf.benchmark.methods import METHODS
from maco_tf.benchmark.picture import draw_scores
from maco_tf.benchmark.report import markdown
from maco_tf.benchmark.scorer import Scorer
from maco_tf.benchmark.store import ImageStore
from maco_tf.display.files import read_png
from maco_tf.display.grid import compare
from maco_tf.models import zoo
from maco_tf.objectives.imagenet_labels import label
from maco_tf.version import __version__

# Columns of the picture of a model's images.
_SHOWN = 6


def run_benchmark(settings, folder, *, verbose=1):
    """Make what images are missing, score all, and write the report.

    An interrupted benchmark goes on where it stopped when it is run again; classes, seeds, methods and models may be
    added to one that is finished, or left out. Features are kept in the folder, so that scoring again is quick.

    Args:
        settings: a `BenchmarkSettings`.
        folder: where images, `results.json`, `results.md`, `scores.png` and `images_<model>.png` go.
        verbose: 0 is silent; 1 shows progress.

    Returns:
        The results: a dictionary as `results.json` holds it, with `None` for what is not known. "settings",
        "versions", "device"; "basis", see `Scorer.basis`; "cells", each with "model", "method", "median seconds" an
        image and "scores", name -> `Score` as a dictionary; "natural", scores of the real images;
        "comparisons", see `compare_best`; "ratios", see `ratios`.

    Raises:
        ValueError: the folder holds images of other steps, crops or size.
    """
    folder = Path(folder)
    compute = {"steps": settings.steps, "crops": settings.crops, "image_size": settings.image_size}
    settings.check_networks()
    store = ImageStore(folder, compute)
    scorer = Scorer(settings, store)
    scorer.load()
    generate(settings, store, verbose=verbose)
    seconds = store.seconds()
    cells = []
    for model in settings.models:
        for method in settings.methods:
            if verbose:
                print(f"Scoring {method} on {model}")
            wanted = ((model, method, index, seed) for index in settings.classes for seed in settings.seeds)
            times = [seconds[image] for image in wanted if image in seconds]
            scores = {name: _plain(score) for name, score in scorer.scores(model, method).items()}
            cells.append({"model": model, "method": method, "scores": scores, "median seconds": _median(times)})
    results = {
        "settings": {**dataclasses.asdict(settings), "real_images": _folder_name(settings.real_images)},
        "versions": _versions(),
        "device": _device(),
        "basis": scorer.basis,
        "cells": cells,
        "natural": {name: _plain(score) for name, score in scorer.natural().items()},
    }
    results = _without_nan(results)
    results |= {"comparisons": compare_best(results), "ratios": ratios(results)}
    text = json.dumps(results, indent=1, allow_nan=False)
    # A line for a list of numbers, not for each number.
    text = re.sub(r"\[[^\[\]{}]*\]", lambda found: re.sub(r"\s+", " ", found[0]), text)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    (folder / "results.md").write_text(markdown(results), encoding="utf-8")
    draw_scores(results, path=folder / "scores.png")
    for model in settings.models:
        _draw_images(settings, store, model, folder / f"images_{model}.png")
    return results


def _plain(score):
    """A score as JSON holds it; what a class has to say to six digits."""
    return {**dataclasses.asdict(score), "by_class": [float(f"{value:.6g}") for value in score.by_class]}


def _folder_name(path):
    """Results are passed on; where a user keeps images is nobody's business."""
    return None if path is None else Path(path).name


def _without_nan(value):
    """NaN is no JSON: `None` in its place."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _draw_images(settings, store, model, path):
    classes = settings.classes[:_SHOWN]
    rows = {
        method: [read_png(store.path(model, method, index, settings.seeds[0])) for index in classes]
        for method in settings.methods
    }
    compare(rows, names=[label(index) for index in classes], path=path)


def _median(times):
    return statistics.median(times) if times else float("nan")


def _device():
    """What computes, in words."""
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.get_visible_devices("GPU")]
    names = [details.get("device_name", "GPU") for details in gpus]
    return ", ".join(names) or f"{platform.machine()} CPU, {os.cpu_count()} cores"


def _versions():
    packages = ("tensorflow", "keras", "numpy", "xplique")
    return {
        "maco_tf": __version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
    }


def generate(settings, store, *, verbose=1):
    """Make every image that is not there yet, class by class over all methods, so that what there is compares.

    Args:
        settings: a `BenchmarkSettings`.
        store: an `ImageStore`.
        verbose: 0 is silent; 1 shows a progress bar.

    Returns:
        How many images were made.
    """
    wanted = [
        (model, index, seed, method)
        for model in settings.models
        for index in settings.classes
        for seed in settings.seeds
        for method in settings.methods
        if not store.path(model, method, index, seed).exists()
    ]
    progress = keras.utils.Progbar(len(wanted), unit_name="image", verbose=verbose)
    # One network at a time: its compiled steps hold memory.
    for model in dict.fromkeys(model for model, *_ in wanted):
        network, methods = zoo.load(model), {}
        for _, index, seed, method in (item for item in wanted if item[0] == model):
            if method not in methods:
                methods[method] = METHODS[method](network, settings)
                store.settle(model, method, methods[method].config)
            begun = time.perf_counter()
            image = methods[method](index, seed)
            store.write(model, method, index, seed, image, time.perf_counter() - begun)
            progress.add(1)
    return len(wanted)
