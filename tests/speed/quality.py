"""Measure how well other networks recognise an image, against the compute it took.

For every setting and class, one image is made. Its score is the mean probability of the class by the judges. Images are
kept, so that an interrupted run goes on where it stopped. The measure of compute is the number of views, steps x views
per step, which does not depend on the machine. Seconds are those of the optimisation on this machine, without tracing,
and with whatever else the machine was doing.
"""

import argparse
import json
import time
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from maco_tf import Logit, MacoVisualizer, zoo
from maco_tf.benchmark.explainer import Picture
from maco_tf.benchmark.methods import METHODS
from maco_tf.benchmark.store import ImageStore
from maco_tf.display.files import read_png
from maco_tf.metrics.classifiers import classify
from maco_tf.version import __version__

MACO, XPLIQUE = "maco_tf", "xplique's maco"
# Method, steps, views per step.
SETTINGS = [
    *((MACO, steps, 8) for steps in (8, 16, 32, 64, 256)),
    *((MACO, steps, 4) for steps in (16, 24, 32, 64, 128)),
    *((XPLIQUE, steps, 8) for steps in (32, 64, 128)),
]
# Method and views per step -> colour, and whether the seconds stand below the points.
_CURVES = {(MACO, 8): ("#1f6fb4", True), (MACO, 4): ("#5aa469", False), (XPLIQUE, 8): ("#c44e2a", False)}
JUDGES = ("efficientnet_lite2", "mobilenet_v2", "squeezenet")
# Drawn at random: random.Random(6).sample(range(1000), 6).
CLASSES = (82, 496, 587, 780, 812, 841)

# A function from a class to its image and the seconds that the image took.
_Explain = Callable[[int], tuple[np.ndarray, float]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the images that are missing, judge all images, and write the values, the table and the figure.

    Args:
        arguments: the arguments; `None` takes those of the command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.speed.quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="efficientnet_lite0", help="the explained network (default: %(default)s)")
    parser.add_argument("--classes", type=int, nargs="+", default=CLASSES, help="ImageNet class numbers")
    parser.add_argument(
        "--images", type=Path, default=Path("build/quality"), help="where images are kept (default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, default=Path("assets/benchmark"), help="a folder (default: %(default)s)")
    options = parser.parse_args(arguments)

    model = zoo.load(options.model)
    judges = {name: zoo.load(name) for name in JUDGES if name != options.model}
    store = ImageStore(options.images, {})
    results: dict[str, Any] = {"model": options.model, "judges": list(judges), "points": []}
    # In increasing order of compute, so that an interrupted run has compared all methods up to some compute.
    for method, steps, crops in sorted(SETTINGS, key=lambda setting: setting[1] * setting[2]):
        images, seconds = _images(model, method, steps, crops, options.classes, store)
        ratings = [classify(images, judge, verbose=0) for judge in judges.values()]
        point = {"method": method, "steps": steps, "crops": crops, "seconds": float(np.median(seconds))}
        results["points"].append({**point, **_rated(ratings, options.classes)})
        print(json.dumps(results["points"][-1]), flush=True)
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "quality.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        (options.output / "quality.md").write_text(markdown(results), encoding="utf-8")
        draw(results, options.output / "quality.png")


def markdown(results: Mapping[str, Any]) -> str:
    """The results as a table.

    Args:
        results: dictionary, the content of quality.json.

    Returns:
        Text.
    """
    *judges, last = results["judges"]
    classes = len(results["points"][0]["classes"])
    lines = [
        "# Recognition against compute",
        "",
        f"Images of {results['model']} for {classes} classes, 512 x 512 pixels, seed 0.",
        "",
        f"- probability: mean probability of the class by {', '.join(judges)} and {last}, which see the whole image; ± "
        "is the standard error over classes.",
        "- recognised: fraction of the classes that at least one of these networks ranks first.",
        "- seconds: median time of the optimisation, without tracing.",
        "",
        "| method | steps x views per step | views | seconds | probability | recognised |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {point['method']} | {point['steps']} x {point['crops']} | {point['steps'] * point['crops']} | "
        f"{point['seconds']:.1f} | {point['probability']:.2f} ± {point['error']:.2f} | {point['recognised']:.2f} |"
        for point in results["points"]
    ]
    return "\n".join(lines) + "\n"


def draw(results: Mapping[str, Any], path: str | Path) -> None:
    """Draw the mean probability against the number of views, with the seconds beside every point.

    Args:
        results: dictionary, the content of quality.json.
        path: where to write the figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    curves: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for point in sorted(results["points"], key=lambda point: point["steps"]):
        curves.setdefault((point["method"], point["crops"]), []).append(point)
    for (method, crops), points in curves.items():
        colour, below = _CURVES[method, crops]
        views = [point["steps"] * point["crops"] for point in points]
        means, errors = ([point[name] for point in points] for name in ("probability", "error"))
        axes.errorbar(views, means, errors, fmt="o-", color=colour, label=f"{method}, {crops} views per step")
        for point, x, y in zip(points, views, means):
            axes.annotate(
                f"{point['seconds']:.0f} s",
                (x, y),
                (6, -12 if below else 6),
                textcoords="offset points",
                fontsize=8,
                color=colour,
            )
    axes.set(
        xscale="log", xlabel="views (steps x views per step)", ylim=(0, 1), ylabel="mean probability by the judges"
    )
    ticks = sorted({point["steps"] * point["crops"] for point in results["points"]})
    axes.set_xticks(ticks, [str(count) for count in ticks])
    axes.minorticks_off()
    axes.legend(loc="upper left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=140)


def _rated(ratings: Sequence[np.ndarray], classes: Sequence[int]) -> dict[str, Any]:
    """What the judges' class probabilities, arrays (count, classes), say about the images."""
    by_judge = [probabilities[np.arange(len(classes)), list(classes)] for probabilities in ratings]
    by_class = np.stack(by_judge).mean(axis=0)
    first = [probabilities.argmax(axis=-1) == classes for probabilities in ratings]
    return {
        "probability": float(by_class.mean()),
        "error": float(by_class.std(ddof=1) / len(by_class) ** 0.5),
        "recognised": float(np.mean(np.any(first, axis=0))),
        "classes": dict(zip(map(str, classes), np.round(by_class, 4).tolist())),
    }


def _images(
    model: keras.Model, method: str, steps: int, crops: int, classes: Sequence[int], store: ImageStore
) -> tuple[np.ndarray, list[float]]:
    """The images of a setting and the seconds that each took; those in the store are not made again."""
    name = f"{method} {steps}x{crops}"
    explain, config = (_xplique if method == XPLIQUE else _maco)(model, steps, crops)
    # Refuses images that were made with other settings or by another version.
    store.settle(model.name, name, {**config, "maco_tf": __version__})
    paths = [store.path(model.name, name, index, 0) for index in classes]
    for index, path in zip(classes, paths):
        if not path.exists():
            image, seconds_of_image = explain(index)
            store.write(model.name, name, index, 0, Picture(image), seconds_of_image)
    seconds = store.seconds()
    return np.stack([read_png(path) for path in paths]), [seconds[model.name, name, index, 0] for index in classes]


def _maco(model: keras.Model, steps: int, crops: int) -> tuple[_Explain, dict[str, Any]]:
    visualizer = MacoVisualizer(model, steps=steps, crops=crops, image_size=512)

    def explain(index: int) -> tuple[np.ndarray, float]:
        if not visualizer.traces:
            # Traces the step before the clock starts.
            visualizer.profile(Logit(index), repeats=1)
        return _timed(lambda: visualizer.explain(Logit(index), seed=0, verbose=0).images[0])

    return explain, visualizer.config()


def _xplique(model: keras.Model, steps: int, crops: int) -> tuple[_Explain, dict[str, Any]]:
    """xplique's `maco` is traced in every call, so the time of a call of one step, mostly tracing, is subtracted."""
    settings: list[Any] = [types.SimpleNamespace(steps=count, crops=crops, image_size=512) for count in (1, steps)]
    short, whole = (METHODS["xplique"](model, setting) for setting in settings)

    def explain(index: int) -> tuple[np.ndarray, float]:
        _, once = _timed(lambda: short(index, 0).image)
        image, seconds = _timed(lambda: whole(index, 0).image)
        return image, max(seconds - once, 0.0)

    return explain, whole.config


def _timed(function: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    begun = time.perf_counter()
    return function(), time.perf_counter() - begun


if __name__ == "__main__":
    main()
