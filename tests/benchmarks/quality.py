"""What other networks make of an image, against the compute it took: python -m tests.benchmarks.quality --help

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
from maco_tf.display.files import read_png, write_png
from maco_tf.metrics.classifier_scores import classify

MACO, XPLIQUE = "maco_tf", "xplique's maco"
# Method, steps, views a step.
SETTINGS = [
    *((MACO, steps, 8) for steps in (8, 16, 32, 64, 256)),
    (XPLIQUE, 32, 8),
]
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
    # From little compute to much, so that what was interrupted is whole as far as it goes.
    for method, steps, crops in sorted(SETTINGS, key=lambda setting: setting[1] * setting[2]):
        folder = options.images / options.model / f"{method} {steps}x{crops}"
        images, seconds = _images(model, method, steps, crops, options.classes, folder)
        given = np.mean(
            [_own(classify(images, judge, verbose=0), options.classes) for judge in judges.values()], axis=0
        )
        points.append(
            {
                "method": method,
                "steps": steps,
                "crops": crops,
                "seconds": float(np.median(seconds)),
                "probability": float(given.mean()),
                "error": float(given.std(ddof=1) / len(given) ** 0.5),
                "recognised": float(np.mean(given > 0.5)),
                "classes": dict(zip(map(str, options.classes), np.round(given, 4).tolist())),
            }
        )
        print(json.dumps(points[-1]), flush=True)
        _write(options, list(judges), points)


def _images(model, method, steps, crops, classes, folder):
    """The images of a setting and the seconds that each took, from the folder as far as they are there."""
    paths = [folder / f"{index:03d}.png" for index in classes]
    missing = [(index, path) for index, path in zip(classes, paths) if not path.exists()]
    explain = _explainer(model, method, steps, crops) if missing else None
    for index, path in missing:
        image, seconds = explain(index)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".txt").write_text(f"{seconds:.3f}", encoding="utf-8")
        write_png(path, image)
    seconds = [float(path.with_suffix(".txt").read_text(encoding="utf-8")) for path in paths]
    return np.stack([read_png(path) for path in paths]), seconds


def _explainer(model, method, steps, crops):
    """A function of a class to its image and the seconds it took."""
    if method == XPLIQUE:
        # xplique traces in every call: what one step costs, tracing in it, is taken off.
        settings = [types.SimpleNamespace(steps=count, crops=crops, image_size=512) for count in (1, steps)]
        short, whole = (METHODS["xplique"](model, setting) for setting in settings)

        def explain(index):
            _, once = _timed(lambda: short(index, 0))
            image, seconds = _timed(lambda: whole(index, 0))
            return image, max(seconds - once, 0.0)

        return explain
    visualizer = MacoVisualizer(model, steps=steps, crops=crops, image_size=512)
    visualizer.profile(Logit(0), repeats=1)  # Traces.

    def explain(index):
        return _timed(lambda: visualizer.explain(Logit(index), seed=0, verbose=0).images[0])

    return explain


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
        "classes to which they give more than a half; median seconds of the optimisation.",
        "",
        "| method | steps x views | views | seconds | probability | above .5 |",
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
    for method, colour in ((MACO, "#1f6fb4"), (XPLIQUE, "#c44e2a")):
        own = [point for point in points if point["method"] == method]
        line = [point for point in own if point["crops"] == 8]
        for found, style in ((own, "o"), (line, "-")):
            axes.plot([p["steps"] * p["crops"] for p in found], [p["probability"] for p in found], style, color=colour)
        axes.errorbar(
            [p["steps"] * p["crops"] for p in own],
            [p["probability"] for p in own],
            [p["error"] for p in own],
            fmt="none",
            color=colour,
            label=method,
        )
        for p in own:
            text = f"{p['steps']} x {p['crops']}, {p['seconds']:.0f} s"
            place = (p["steps"] * p["crops"], p["probability"])
            axes.annotate(text, place, (6, 6), textcoords="offset points", fontsize=8, color=colour)
    axes.set(xscale="log", xlabel="views seen: steps x crops", ylim=(0, 1), ylabel="mean probability by the judges")
    seen = sorted({p["steps"] * p["crops"] for p in points})
    axes.set_xticks(seen, [str(count) for count in seen])
    axes.minorticks_off()
    axes.legend(loc="upper left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=140)


if __name__ == "__main__":
    main()
