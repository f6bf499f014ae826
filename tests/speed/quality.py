"""What other networks make of an image, against the compute it took: python -m tests.speed.quality --help

One image for every setting and class; its score is the mean probability that the judges give the class. Images are
kept, so that a run that was stopped goes on. Seconds are of the optimisation alone, tracing aside, and of the machine
with whatever else it did; views, steps times crops, are the compute whatever the machine.
"""

import argparse
import json
import time
import types
from pathlib import Path

import numpy as np

from maco_tf import Logit, MacoVisualizer, zoo
from maco_tf.benchmark.methods import METHODS
from maco_tf.benchmark.store import ImageStore
from maco_tf.display.files import read_png
from maco_tf.metrics.classifiers import classify
from maco_tf.version import __version__

MACO, XPLIQUE = "maco_tf", "xplique's maco"
# Method, steps, views a step.
SETTINGS = [
    *((MACO, steps, 8) for steps in (8, 16, 32, 64, 256)),
    *((MACO, steps, 4) for steps in (16, 24, 32, 64, 128)),
    *((XPLIQUE, steps, 8) for steps in (32, 64, 128)),
]
# And whether its seconds stand below the points.
COLOURS = {(MACO, 8): ("#1f6fb4", True), (MACO, 4): ("#5aa469", False), (XPLIQUE, 8): ("#c44e2a", False)}
JUDGES = ("efficientnet_lite2", "mobilenet_v2", "squeezenet")
# Drawn by chance: random.Random(6).sample(range(1000), 6).
CLASSES = (82, 496, 587, 780, 812, 841)


def main():
    """Make the images that are missing, judge all, and write figures, table and picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="efficientnet_lite0")
    parser.add_argument("--classes", type=int, nargs="+", default=CLASSES)
    parser.add_argument("--images", type=Path, default=Path("build/quality"), help="where images are kept")
    parser.add_argument("--output", type=Path, default=Path("assets/benchmark"))
    options = parser.parse_args()

    model, points = zoo.load(options.model), []
    judges = {name: zoo.load(name) for name in JUDGES if name != options.model}
    store = ImageStore(options.images, {})
    # From little compute to much, so that what was interrupted is whole as far as it goes.
    for method, steps, crops in sorted(SETTINGS, key=lambda setting: setting[1] * setting[2]):
        images, seconds = _images(model, method, steps, crops, options.classes, store)
        seen = [classify(images, judge, verbose=0) for judge in judges.values()]
        given = np.mean([_own(probabilities, options.classes) for probabilities in seen], axis=0)
        first = [probabilities.argmax(axis=-1) == options.classes for probabilities in seen]
        points.append(
            {
                "method": method,
                "steps": steps,
                "crops": crops,
                "seconds": float(np.median(seconds)),
                "probability": float(given.mean()),
                "error": float(given.std(ddof=1) / len(given) ** 0.5),
                "recognised": float(np.mean(np.any(first, axis=0))),
                "classes": dict(zip(map(str, options.classes), np.round(given, 4).tolist())),
            }
        )
        print(json.dumps(points[-1]), flush=True)
        _write(options, list(judges), points)


def _images(model, method, steps, crops, classes, store):
    """The images of a setting and the seconds that each took, from the store as far as they are there."""
    name = f"{method} {steps}x{crops}"
    explain, config = (_xplique if method == XPLIQUE else _maco)(model, steps, crops)
    # Refuses images that were made by other settings or another version.
    store.settle(model.name, name, {**config, "maco_tf": __version__})
    paths = [store.path(model.name, name, index, 0) for index in classes]
    for index, path in zip(classes, paths):
        if not path.exists():
            store.write(model.name, name, index, 0, *explain(index))
    seconds = store.seconds()
    return np.stack([read_png(path) for path in paths]), [seconds[model.name, name, index, 0] for index in classes]


def _maco(model, steps, crops):
    """A function of a class to its image and the seconds it took, and its configuration."""
    visualizer = MacoVisualizer(model, steps=steps, crops=crops, image_size=512)

    def explain(index):
        if not visualizer.traces:
            visualizer.profile(Logit(index), repeats=1)
        return _timed(lambda: visualizer.explain(Logit(index), seed=0, verbose=0).images[0])

    return explain, visualizer.config()


def _xplique(model, steps, crops):
    """The same of xplique's `maco`, which traces in every call: what one step costs, tracing in it, is taken off."""
    settings = [types.SimpleNamespace(steps=count, crops=crops, image_size=512) for count in (1, steps)]
    short, whole = (METHODS["xplique"](model, setting) for setting in settings)

    def explain(index):
        _, once = _timed(lambda: short(index, 0))
        image, seconds = _timed(lambda: whole(index, 0))
        return image, max(seconds - once, 0.0)

    return explain, whole.config


def _timed(function):
    begun = time.perf_counter()
    return function(), time.perf_counter() - begun


def _own(probabilities, classes):
    return probabilities[np.arange(len(classes)), list(classes)]


def _write(options, judges, points):
    options.output.mkdir(parents=True, exist_ok=True)
    result = {"model": options.model, "judges": judges, "points": points}
    (options.output / "quality.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    lines = [
        f"Images of {options.model} for {len(options.classes)} classes, 512 pixels, seed 0; mean probability that "
        f"{', '.join(judges)} give the class to the whole image, with its standard error over classes; the share of "
        "classes that at least one of them puts first; median seconds of the optimisation.",
        "",
        "| method | steps x views | views | seconds | probability | recognised |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {point['method']} | {point['steps']} x {point['crops']} | "
        f"{point['steps'] * point['crops']} | {point['seconds']:.1f} | {point['probability']:.2f} +- "
        f"{point['error']:.2f} | {point['recognised']:.2f} |"
        for point in points
    ]
    (options.output / "quality.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _draw(points, options.output / "quality.png")


def _draw(points, path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    curves = {}
    for point in sorted(points, key=lambda point: point["steps"]):
        curves.setdefault((point["method"], point["crops"]), []).append(point)
    for (method, crops), own in curves.items():
        colour, below = COLOURS[method, crops]
        views, given, errors = zip(*((p["steps"] * p["crops"], p["probability"], p["error"]) for p in own))
        axes.errorbar(views, given, errors, fmt="o-", color=colour, label=f"{method}, {crops} views a step")
        for p, x, y in zip(own, views, given):
            place = (6, -12 if below else 6)
            axes.annotate(f"{p['seconds']:.0f} s", (x, y), place, textcoords="offset points", fontsize=8, color=colour)
    axes.set(xscale="log", xlabel="views seen: steps x crops", ylim=(0, 1), ylabel="mean probability by the judges")
    seen = sorted({p["steps"] * p["crops"] for p in points})
    axes.set_xticks(seen, [str(count) for count in seen])
    axes.minorticks_off()
    axes.legend(loc="upper left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=140)


if __name__ == "__main__":
    main()
