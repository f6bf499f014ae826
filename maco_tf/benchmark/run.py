"""A whole benchmark: make the images, score them, write the report."""

import dataclasses
import importlib.metadata
import json
import math
import os
import platform
import re
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.benchmark.comparison import compare_best, ratios
from maco_tf.benchmark.explainer import Explainer, InapplicableError
from maco_tf.benchmark.methods import METHODS, note
from maco_tf.benchmark.networks import load_network
from maco_tf.benchmark.picture import draw_scores
from maco_tf.benchmark.report import markdown
from maco_tf.benchmark.score import Score
from maco_tf.benchmark.scorer import Scorer
from maco_tf.benchmark.settings import BenchmarkSettings
from maco_tf.benchmark.store import ImageStore
from maco_tf.display.files import read_png
from maco_tf.display.grid import compare
from maco_tf.display.spectra import draw_spectra
from maco_tf.objectives.imagenet_labels import label
from maco_tf.version import __version__

# The number of columns in the picture of a model's images.
_SHOWN = 6


def run_benchmark(settings: BenchmarkSettings, folder: str | os.PathLike[str], *, verbose: int = 1) -> dict[str, Any]:
    """Make the images that are missing, score all images and write the report.

    Run an interrupted benchmark again, and it goes on where it stopped. Classes, seeds, methods and models can be added
    to a finished benchmark, or left out. Features are cached in the folder, so that scoring again is fast.

    Args:
        settings: a `BenchmarkSettings`.
        folder: where to write images, `results.json`, `results.md`, `scores.png`, and for every network
            `images_<model>.png` and `spectra_<model>.png`.
        verbose: 0 is silent; 1 shows progress.

    Returns:
        The results, a dictionary as in `results.json`, with `None` for unknown values. "settings", "versions" and
        "device" say how they were made. "basis" is `Scorer.basis`. "cells" is a list with "model", "method", "median
        seconds" per image and "scores", name -> `Score` as a dictionary; a method that a network does not allow has
        scores without values. "natural" holds the scores of real images. "notes" says what methods with a prior are.
        "comparisons" is the result of `compare_best`, "ratios" that of `ratios`.

    Raises:
        ValueError: a network does not exist, or the folder holds images that were made with other settings.
    """
    folder = Path(folder)
    compute = {"steps": settings.steps, "crops": settings.crops, "image_size": settings.image_size}
    settings.check_networks()
    store = ImageStore(folder, compute)
    scorer = Scorer(settings, store)
    scorer.load()
    missing = generate(settings, store, verbose=verbose)
    seconds = store.seconds()
    cells = []
    for model in settings.models:
        for method in settings.methods:
            if verbose:
                print(f"Scoring {method} on {model}")
            reason = missing.get((model, method))
            found = scorer.scores(model, method) if reason is None else scorer.missing(model, reason)
            images = ((model, method, index, seed) for index in settings.classes for seed in settings.seeds)
            times = [seconds[image] for image in images if image in seconds]
            scores = {name: _as_dictionary(score) for name, score in found.items()}
            cells.append({"model": model, "method": method, "scores": scores, "median seconds": _median(times)})
    results = {
        "settings": {
            **dataclasses.asdict(settings),
            "real_images": _last_part(settings.real_images),
            "files": {name: _last_part(path) for name, path in settings.files.items()},
        },
        "versions": _versions(),
        "device": _device(),
        "basis": {**scorer.basis, **_prior_images(settings)},
        "cells": cells,
        "natural": {name: _as_dictionary(score) for name, score in scorer.natural().items()},
        "notes": {method: note(method) for method in settings.methods if note(method)},
    }
    results = _without_nan(results)
    results |= {"comparisons": compare_best(results), "ratios": ratios(results)}
    (folder / "results.json").write_text(_json(results), encoding="utf-8")
    (folder / "results.md").write_text(markdown(results), encoding="utf-8")
    draw_scores(results, path=folder / "scores.png")
    for model in settings.models:
        methods = [method for method in settings.methods if (model, method) not in missing]
        if methods:
            _draw_images(settings, store, model, methods, folder / f"images_{model}.png")
            natural = scorer.natural_spectrum()
            spectra = {} if natural is None else {"real images": natural}
            spectra |= {method: scorer.spectrum(model, method) for method in methods}
            draw_spectra(spectra, path=folder / f"spectra_{model}.png")
    return results


def generate(settings: BenchmarkSettings, store: ImageStore, *, verbose: int = 1) -> dict[tuple[str, str], str]:
    """Make every image that does not exist yet.

    All methods make the image of one class before the next class, so that an interrupted benchmark compares methods on
    the same classes.

    Args:
        settings: a `BenchmarkSettings`.
        store: an `ImageStore`.
        verbose: 0 is silent; 1 shows a progress bar.

    Returns:
        Dictionary, (model, method) -> what the network lacks, for the methods that cannot explain it.
    """
    inapplicable: dict[tuple[str, str], str] = {}
    missing = [
        (model, index, seed, method)
        for model in settings.models
        for index in settings.classes
        for seed in settings.seeds
        for method in settings.methods
        if not store.path(model, method, index, seed).exists()
    ]
    progress = keras.utils.Progbar(len(missing), unit_name="image", verbose=verbose)
    # Only one network at a time is held, because its compiled steps take memory.
    for model in dict.fromkeys(model for model, *_ in missing):
        network = load_network(model, settings.files)
        explainers: dict[str, Explainer] = {}
        for _, index, seed, method in (item for item in missing if item[0] == model):
            progress.add(1)
            # Another process may have made the image in the meantime.
            if (model, method) in inapplicable or store.path(model, method, index, seed).exists():
                continue
            if method not in explainers:
                try:
                    explainers[method] = METHODS[method](network, settings)
                except InapplicableError as error:
                    inapplicable[model, method] = str(error)
                    continue
                store.settle(model, method, explainers[method].config)
            begun = time.perf_counter()
            picture = explainers[method](index, seed)
            store.write(model, method, index, seed, picture, time.perf_counter() - begun)
    return inapplicable


def _prior_images(settings: BenchmarkSettings) -> dict[str, int]:
    """The number of real images that priors see; nothing if none does."""
    if not settings.divided:
        return {}
    return {"prior images": sum(len(settings.prior_files(index)) for index in settings.classes)}


def _as_dictionary(score: Score) -> dict[str, Any]:
    """A score as JSON holds it, with the values of classes rounded to six digits."""
    return {**dataclasses.asdict(score), "by_class": [float(f"{value:.6g}") for value in score.by_class]}


def _last_part(path: str | None) -> str | None:
    """The last part of a path. Results are published, and the rest of the path is private."""
    return None if path is None else Path(path).name


def _without_nan(value: Any) -> Any:
    """The value with `None` in place of NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _json(results: dict[str, Any]) -> str:
    """Indented JSON, with each list of numbers on one line."""
    text = json.dumps(results, indent=1, allow_nan=False)
    return re.sub(r"\[[^\[\]{}]*\]", lambda found: re.sub(r"\s+", " ", found[0]), text) + "\n"


def _draw_images(
    settings: BenchmarkSettings, store: ImageStore, model: str, methods: Sequence[str], path: Path
) -> None:
    classes = settings.classes[:_SHOWN]
    rows = {
        method: np.stack([read_png(store.path(model, method, index, settings.seeds[0])) for index in classes])
        for method in methods
    }
    compare(rows, names=[label(index) for index in classes], path=path)


def _median(times: Sequence[float]) -> float:
    return statistics.median(times) if times else float("nan")


def _device() -> str:
    """The names of the GPUs, or the architecture of the CPU and its number of cores."""
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.get_visible_devices("GPU")]
    names = [details.get("device_name", "GPU") for details in gpus]
    return ", ".join(names) or f"{platform.machine()} CPU, {os.cpu_count()} cores"


def _versions() -> dict[str, str]:
    packages = ("tensorflow", "keras", "numpy", "xplique")
    return {
        "maco_tf": __version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
    }
