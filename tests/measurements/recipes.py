"""Which magnitude and which prior give the images that other networks recognise best?

    python -m tests.measurements.recipes --images FOLDER --output build/recipes

FOLDER holds a folder of photographs for each of some classes, named by its WordNet identifier. Classes with
at least six photographs can be explained with the statistics of their photographs; one photograph of each other class
gives the statistics of natural images. The score is the mean probability of the class by the networks that are not
explained, which see the whole image. The classes of the default tune the recipe; report others with `--classes`.

The score of every image is kept as a line of scores.jsonl as soon as it is made. So an interrupted run goes on, and
several runs of different networks can share a folder. The images of all settings for one class, network and seed are
made one after the other, so that any part of a run compares them on the same cases.
"""

import argparse
import dataclasses
import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from maco_tf import BatchNormStatistics, Logit, MacoVisualizer, NaturalStatistics, measure_statistics, zoo
from maco_tf.display.files import write_png
from maco_tf.metrics.classifiers import classify
from maco_tf.objectives import Objective
from maco_tf.objectives.imagenet_labels import wnids
from maco_tf.objectives.layer_statistics import LayerStatistics
from maco_tf.spectrum import imagenet_magnitude

MODELS = ("efficientnet_lite0", "mobilenet_v2", "squeezenet")
JUDGES = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "mobilenet_v2", "squeezenet")
# random.Random(16).sample of the classes with six photographs that assets/benchmark does not report.
TUNING = (78, 513, 553, 651, 742, 776, 795, 845, 880, 898, 936, 944)
# The last layers of blocks from the stem to the head, which VITAL compares.
BLOCKS = {
    "efficientnet_lite0": (
        "block1a_project_bn",
        "block2b_add",
        "block3b_add",
        "block5c_add",
        "block7a_project_bn",
    ),
}
# A class with this many photographs is explained with them; a class with fewer lends one to the natural images.
PHOTOGRAPHS = 6


@dataclasses.dataclass(frozen=True)
class Setting:
    """One row of the table.

    Attributes:
        magnitude: the setting of `MacoVisualizer`, or a function that makes it.
        prior: the term that is added to the logit: "batch norms", "any" (statistics of photographs of other classes),
            "class" (of the class), or "" for none.
        weight: its weight.
        options: further arguments of the term.
        blocks: whether the statistics are those of the last layers of the blocks instead of batch norms.
        method: further settings of `MacoVisualizer`.
    """

    magnitude: Any = "natural"
    prior: str = ""
    weight: float = 1.0
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    blocks: bool = False
    method: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def _isotropic() -> Any:
    return imagenet_magnitude().isotropic()


SETTINGS = {
    "published": Setting("imagenet"),
    "published x 1.5": Setting("imagenet", method={"contrast": 1.5}),
    "published, isotropic x 1.5": Setting(_isotropic, method={"contrast": 1.5}),
    "natural": Setting(),
    # The published one has a mid-grey mean.
    "natural, mid-grey": Setting(method={"mean_level": 0.0}),
    "natural + batch norms": Setting(prior="batch norms", weight=1),
    "natural + 0.3 batch norms": Setting(prior="batch norms", weight=0.3),
    "natural + 3 batch norms": Setting(prior="batch norms", weight=3),
    "natural + 0.4 any": Setting(prior="any", weight=1, options={"balance": 0.4, "distance": "sorted"}),
    "natural + 0.4 any, moments": Setting(prior="any", weight=1, options={"balance": 0.4, "distance": "moments"}),
    "natural + 0.4 class": Setting(prior="class", weight=1, options={"balance": 0.4, "distance": "sorted"}),
    "natural + 0.4 class, moments": Setting(prior="class", weight=1, options={"balance": 0.4, "distance": "moments"}),
    "natural + 1 class, moments": Setting(prior="class", weight=1, options={"balance": 1.0, "distance": "moments"}),
    "natural + 0.4 class, blocks": Setting(prior="class", blocks=True, options={"balance": 0.4, "distance": "sorted"}),
    "natural + 0.4 class, blocks, moments": Setting(prior="class", blocks=True, options={"balance": 0.4}),
    "natural + 1 class, blocks, moments": Setting(prior="class", blocks=True, options={"balance": 1.0}),
    "natural + 0.4 any, blocks, moments": Setting(prior="any", blocks=True, options={"balance": 0.4}),
}


class Priors:
    """The prior terms of one network, whose statistics are measured once and kept in a folder.

    Args:
        model: the network.
        images: the folder of photographs, or `None`.
        folder: where the statistics are kept.
    """

    def __init__(self, model: keras.Model, images: Path | None, folder: Path) -> None:
        self._model, self._images, self._folder = model, images, folder
        self._known: dict[str, LayerStatistics] = {}

    def objective(self, setting: Setting, index: int) -> Objective:
        """The logit of a class with the prior of a setting."""
        logit = Logit(index)
        if not setting.prior:
            return logit
        if setting.prior == "batch norms":
            return logit + setting.weight * BatchNormStatistics(**setting.options)
        statistics = self._statistics("any" if setting.prior == "any" else str(index), setting.blocks)
        return logit + setting.weight * NaturalStatistics(statistics, **setting.options)

    def _statistics(self, name: str, blocks: bool) -> LayerStatistics:
        key = f"{self._model.name}_{name}{'_blocks' if blocks else ''}"
        if key not in self._known:
            path = self._folder / f"{key}.npz"
            if not path.exists():
                layers = BLOCKS[self._model.name] if blocks else None
                measure_statistics(self._model, self._photographs(name), layers).save(path)
            self._known[key] = LayerStatistics.load(path)
        return self._known[key]

    def _photographs(self, name: str) -> list[str]:
        if self._images is None:
            raise SystemExit("--images is needed for statistics of photographs.")
        if name != "any":
            return [str(path) for path in sorted((self._images / wnids()[int(name)]).glob("*.jpg"))]
        return lent_photographs(self._images)


def lent_photographs(images: Path) -> list[str]:
    """A photograph of each class that has too few to be explained with them."""
    folders = [sorted(folder.glob("*.jpg")) for folder in sorted(images.iterdir()) if folder.is_dir()]
    return [str(paths[0]) for paths in folders if 0 < len(paths) < PHOTOGRAPHS]


# What identifies an image in scores.jsonl.
KEYS = ("model", "setting", "class", "seed", "steps", "crops", "image_size")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the images that are missing, and write the table of all.

    Args:
        arguments: the arguments; `None` takes those of the command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.measurements.recipes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--output", type=Path, default=Path("build/recipes"), help="a folder (default: %(default)s)")
    add("--images", type=Path, help="a folder of photographs, for the priors that need them")
    add("--models", nargs="+", default=MODELS, help="the explained networks")
    add("--judges", nargs="+", default=JUDGES, help="networks that judge the images of others")
    add("--classes", type=int, nargs="+", default=TUNING, help="ImageNet class numbers")
    add("--seeds", type=int, nargs="+", default=(0, 1))
    add("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS), metavar="NAME")
    add("--steps", type=int, default=64)
    add("--crops", type=int, default=8)
    add("--image-size", type=int, default=512)
    add("--table-only", action="store_true", help="make no image")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    compute = {"steps": options.steps, "crops": options.crops, "image_size": options.image_size}
    if not options.table_only:
        for name in options.models:
            _make(options, name, compute)
    wanted = set(itertools.product(options.models, options.settings, options.classes, options.seeds))
    chosen = [
        row
        for row in read_rows(options.output / "scores.jsonl")
        if (row["model"], row["setting"], row["class"], row["seed"]) in wanted
        and all(row[key] == value for key, value in compute.items())
    ]
    text = markdown(chosen)
    (options.output / f"recipes_{options.steps}x{options.crops}.md").write_text(text, encoding="utf-8")
    print(text)


def _make(options: argparse.Namespace, name: str, compute: Mapping[str, int]) -> None:
    rows = {_key(row) for row in read_rows(options.output / "scores.jsonl")}
    judges = {judge: zoo.load(judge) for judge in options.judges if judge != name}
    model = zoo.load(name)
    priors = Priors(model, options.images, options.output / "statistics")
    makers = {}
    for label in options.settings:
        given = SETTINGS[label]
        magnitude: str | Callable[[], Any] = given.magnitude
        made = magnitude() if callable(magnitude) else magnitude
        makers[label] = MacoVisualizer(model, magnitude=made, **compute, **given.method)
    for seed, index, label in itertools.product(options.seeds, options.classes, options.settings):
        case = {"model": name, "setting": label, "class": index, "seed": seed, **compute}
        if _key(case) in rows:
            continue
        objective = priors.objective(SETTINGS[label], index)
        begun = time.perf_counter()
        image = makers[label].explain(objective, seed=seed, verbose=0).images
        case["seconds"] = round(time.perf_counter() - begun, 1)
        case["judges"] = {
            judge: round(float(classify(image, network, verbose=0)[0, index]), 4) for judge, network in judges.items()
        }
        path = options.output / f"{options.steps}x{options.crops}" / name / label / f"{index:03d}_{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_png(path, image[0])
        with (options.output / "scores.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(case) + "\n")
        print(json.dumps(case), flush=True)


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
        to the first setting over the classes of all networks, with its standard error over pairs.
    """
    models = list(dict.fromkeys(row["model"] for row in rows))
    labels = [label for label in SETTINGS if any(row["setting"] == label for row in rows)]
    classes, seeds = ({row[key] for row in rows} for key in ("class", "seed"))
    steps, crops, size = (rows[0][key] for key in ("steps", "crops", "image_size"))
    scores = {(label, model): _by_class(rows, label, model) for label in labels for model in models}
    lines = [
        "# Recognition by recipe",
        "",
        f"Mean probability of the class by the networks that are not explained; {len(classes)} classes x {len(seeds)} "
        f"seeds, {steps} steps x {crops} views, {size} x {size} pixels. ± is the standard error over classes; for the "
        f"difference, over the pairs of class and network.",
        "",
        f"| setting | {' | '.join(models)} | all | difference to {labels[0]} |",
        f"| {' | '.join(['---'] * (len(models) + 3))} |",
    ]
    for label in labels:
        cells = [_mean(list(scores[label, model].values())) for model in models]
        every = [value for model in models for value in scores[label, model].values()]
        pairs = [
            scores[label, model][index] - scores[labels[0], model][index]
            for model in models
            for index in scores[label, model]
            if index in scores[labels[0], model]
        ]
        lines.append(
            f"| {label} | {' | '.join(cells)} | {_mean(every)} | {'' if label == labels[0] else _mean(pairs)} |"
        )
    return "\n".join(lines) + "\n"


def _by_class(rows: Sequence[Mapping[str, Any]], label: str, model: str) -> dict[int, float]:
    """Class -> mean over judges and seeds."""
    found: dict[int, list[float]] = {}
    for row in rows:
        if (row["setting"], row["model"]) == (label, model):
            found.setdefault(row["class"], []).append(float(np.mean(list(row["judges"].values()))))
    return {index: float(np.mean(values)) for index, values in found.items()}


def _mean(values: Sequence[float]) -> str:
    if not values:
        return "-"
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1) / len(values) ** 0.5:.2f}"


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEYS)


if __name__ == "__main__":
    main()
