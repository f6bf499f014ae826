"""Which magnitude gives the images that other networks recognise best?

    python -m tests.measurements.magnitudes --images FOLDER --output build/magnitudes

Compares the published magnitude with its isotropic form, both also at a higher contrast, with the natural one that the
package has, and with one that is estimated from the photographs of FOLDER and is not isotropic (left out without
`--images`). Classes, judges and the score are those of `tests/speed/quality.py`: the mean probability of the class by
the networks that are not explained, which see the whole image. The classes here tune the recipe; report others with
`--classes`.

The score of every image is kept as a line of scores.jsonl as soon as it is made, so that an interrupted run goes on.
The images of all magnitudes for one class, network and seed are made one after the other, so that any part of a run
compares them on the same cases.
"""

import argparse
import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maco_tf import Logit, MacoVisualizer, zoo
from maco_tf.display.files import write_png
from maco_tf.metrics.classifiers import classify
from maco_tf.spectrum import Magnitude, estimate_magnitude, imagenet_magnitude
from tests.speed.quality import CLASSES, JUDGES

MODELS = ("efficientnet_lite0", "mobilenet_v2", "squeezenet")
# The classes of quality.py and six more, drawn at random: random.Random(16).sample(range(1000), 6).
TUNING = (*CLASSES, 370, 480, 492, 291, 426, 232)
ESTIMATED = "estimated, periodic"

# Name -> settings of MacoVisualizer. A function is called once, because it takes a moment.
SETTINGS: dict[str, dict[str, Any]] = {
    "published": {"magnitude": "imagenet"},
    "published x 1.5": {"magnitude": "imagenet", "contrast": 1.5},
    "published, isotropic": {"magnitude": lambda: imagenet_magnitude().isotropic()},
    "published, isotropic x 1.5": {"magnitude": lambda: imagenet_magnitude().isotropic(), "contrast": 1.5},
    "natural": {"magnitude": "natural"},
    # The published one has a mid-grey mean.
    "natural, mid-grey": {"magnitude": "natural", "mean_level": 0.0},
    ESTIMATED: {},
}
# What identifies an image in scores.jsonl.
KEYS = ("model", "magnitude", "class", "seed", "steps", "crops", "image_size")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the images that are missing, and write the table of all.

    Args:
        arguments: the arguments; `None` takes those of the command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.measurements.magnitudes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--output", type=Path, default=Path("build/magnitudes"), help="a folder (default: %(default)s)")
    add("--images", type=Path, help="a folder of photographs, for the estimated magnitude")
    add("--models", nargs="+", default=MODELS, help="the explained networks")
    add("--judges", nargs="+", default=sorted({*MODELS, *JUDGES}), help="networks that judge the images of others")
    add("--classes", type=int, nargs="+", default=TUNING, help="ImageNet class numbers")
    add("--seeds", type=int, nargs="+", default=(0, 1))
    add("--magnitudes", nargs="+", choices=list(SETTINGS), default=list(SETTINGS), metavar="NAME")
    add("--steps", type=int, default=64)
    add("--crops", type=int, default=8)
    add("--image-size", type=int, default=512)
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    settings = _settings(options)
    rows = {_key(row): row for row in read_rows(options.output / "scores.jsonl")}
    judges = {name: zoo.load(name) for name in options.judges}
    compute = {"steps": options.steps, "crops": options.crops, "image_size": options.image_size}
    for name in options.models:
        model = zoo.load(name)
        makers = {label: MacoVisualizer(model, **compute, **given) for label, given in settings.items()}
        for seed, index, label in itertools.product(options.seeds, options.classes, settings):
            case = {"model": name, "magnitude": label, "class": index, "seed": seed, **compute}
            if _key(case) in rows:
                continue
            begun = time.perf_counter()
            image = makers[label].explain(Logit(index), seed=seed, verbose=0).images
            case["seconds"] = round(time.perf_counter() - begun, 1)
            case["judges"] = {
                judge: round(float(classify(image, network, verbose=0)[0, index]), 4)
                for judge, network in judges.items()
                if judge != name
            }
            path = options.output / f"{options.steps}x{options.crops}" / name / label / f"{index:03d}_{seed}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_png(path, image[0])
            with (options.output / "scores.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(case) + "\n")
            rows[_key(case)] = case
            print(json.dumps(case), flush=True)
    wanted = set(itertools.product(options.models, settings, options.classes, options.seeds))
    chosen = [
        row
        for row in rows.values()
        if (row["model"], row["magnitude"], row["class"], row["seed"]) in wanted
        and all(row[key] == value for key, value in compute.items())
    ]
    text = markdown(chosen)
    (options.output / f"magnitudes_{options.steps}x{options.crops}.md").write_text(text, encoding="utf-8")
    print(text)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The scores of a file of JSON lines; the last line may have been cut off when a run was killed."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The scores as a table.

    Args:
        rows: the scores of one number of steps and views.

    Returns:
        Text. ± is the standard error over classes, whose seeds are averaged first. The last column is the difference
        to the first magnitude over the classes of all networks, with its standard error over pairs.
    """
    models = list(dict.fromkeys(row["model"] for row in rows))
    labels = [label for label in SETTINGS if any(row["magnitude"] == label for row in rows)]
    classes, seeds = ({row[key] for row in rows} for key in ("class", "seed"))
    steps, crops, size = (rows[0][key] for key in ("steps", "crops", "image_size"))
    scores = {(label, model): _by_class(rows, label, model) for label in labels for model in models}
    lines = [
        "# Recognition by magnitude",
        "",
        f"Mean probability of the class by the networks that are not explained; {len(classes)} classes x {len(seeds)} "
        f"seeds, {steps} steps x {crops} views, {size} x {size} pixels. ± is the standard error over classes; for the "
        f"difference, over the pairs of class and network.",
        "",
        f"| magnitude | {' | '.join(models)} | all | difference to {labels[0]} |",
        f"| {' | '.join(['---'] * (len(models) + 3))} |",
    ]
    for label in labels:
        cells = [_mean(list(scores[label, model].values())) for model in models]
        every = [value for model in models for value in scores[label, model].values()]
        first = scores[labels[0], models[0]].keys()
        pairs = [
            scores[label, model][index] - scores[labels[0], model][index]
            for model in models
            for index in first
            if index in scores[label, model] and index in scores[labels[0], model]
        ]
        lines.append(
            f"| {label} | {' | '.join(cells)} | {_mean(every)} | {'' if label == labels[0] else _mean(pairs)} |"
        )
    return "\n".join(lines) + "\n"


def _by_class(rows: Sequence[Mapping[str, Any]], label: str, model: str) -> dict[int, float]:
    """Class -> mean over judges and seeds."""
    found: dict[int, list[float]] = {}
    for row in rows:
        if (row["magnitude"], row["model"]) == (label, model):
            found.setdefault(row["class"], []).append(float(np.mean(list(row["judges"].values()))))
    return {index: float(np.mean(values)) for index, values in found.items()}


def _mean(values: Sequence[float]) -> str:
    if not values:
        return "-"
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1) / len(values) ** 0.5:.2f}"


def _settings(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The chosen settings, with magnitudes instead of the functions that make them."""
    chosen = {label: dict(SETTINGS[label]) for label in options.magnitudes}
    if ESTIMATED in chosen:
        path = options.output / "estimated.npz"
        if not path.exists() and options.images is not None:
            estimate_magnitude(options.images, size=256, verbose=2).save(path)
        if path.exists():
            chosen[ESTIMATED] = {"magnitude": Magnitude.load(path)}
        else:
            del chosen[ESTIMATED]
    for given in chosen.values():
        make: str | Magnitude | Callable[[], Magnitude] = given["magnitude"]
        given["magnitude"] = make() if callable(make) else make
    return chosen


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEYS)


if __name__ == "__main__":
    main()
