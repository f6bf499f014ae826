"""The scores as a figure of bars."""

import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from maco_tf.benchmark.comparison import Results, cell_of
from maco_tf.benchmark.descriptions import DESCRIPTIONS
from maco_tf.benchmark.score import score_text
from maco_tf.display.files import write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Only in the tables, because transferability says the same in finer steps.
_LEFT_OUT = ("top-1", "top-5")

# Width of a letter of the notes, inches.
_LETTER = 0.058

_BETTER = {True: "higher is better", False: "lower is better", None: "closer to real\nimages is better"}


def draw_scores(results: Results, *, path: str | Path | None = None) -> "Figure":
    """Draw scores as bars with their standard errors: one row per score, one column per model, one bar per method.

    The columns of a row share their axis. Plausibility is the exception, because its values do not compare between
    networks. A dotted line marks the value of real images. The best method is bold if the 95% interval of its
    difference from the second excludes 0. A score that no method has is named below the figure, with the reason.

    Args:
        results: dictionary; see `run_benchmark`.
        path: where to write the figure; `None` writes nothing.

    Returns:
        The `matplotlib.figure.Figure`. pyplot does not hold a reference to it.
    """
    from matplotlib.figure import Figure

    models, methods = results["settings"]["models"], results["settings"]["methods"]
    drawn, missing = [], []
    for name in (name for name in DESCRIPTIONS if name not in _LEFT_OUT):
        # Results of an earlier version may lack a score.
        scores = [cell["scores"][name] for cell in results["cells"] if name in cell["scores"]]
        if len(scores) < len(results["cells"]):
            continue
        if any(score["mean"] is not None for score in scores):
            drawn.append(name)
        else:
            missing.append(f"Not shown: {name} ({scores[0]['reason']}).")
    height = 0.27 * len(methods) + 0.5
    figure = Figure(figsize=(2.2 + 2.6 * len(models), height * len(drawn) + 0.6))
    figure.set_layout_engine("constrained")
    axes = figure.subplots(len(drawn), len(models), squeeze=False, sharey=True)
    for row, name in zip(axes, drawn):
        _draw_row(row, results, name)
    for axis, model in zip(axes[0], models):
        axis.set_title(model, fontsize=9)
    notes = [
        "± is the standard error over classes. Bold: the best method, if the 95% interval of its difference from the "
        "second excludes 0."
    ]
    if results["natural"]:
        notes.append("Dotted line: real images.")
    letters = round(figure.get_figwidth() / _LETTER)
    figure.supxlabel("\n".join(textwrap.fill(note, letters) for note in [*notes, *missing]), fontsize=7)
    return write_figure(figure, path)


def _draw_row(row: "Iterable[Axes]", results: Results, name: str) -> None:
    """Draw one score of all models."""
    models, methods = results["settings"]["models"], results["settings"]["methods"]
    axes, natural = list(row), results["natural"].get(name)
    clear_best = {
        item["model"]: item["best"] for item in results["comparisons"] if item["score"] == name and not item["within"]
    }
    ranges = []
    for axis, model in zip(axes, models):
        scores = {method: cell_of(results, model, method)["scores"][name] for method in methods}
        _draw_bars(axis, scores, clear_best.get(model))
        if natural is not None:
            axis.axvline(natural["mean"], color="black", linewidth=1, linestyle=":", zorder=0.5)
        ranges.append(_range(scores.values()))
    for axis, (low, high) in zip(axes, ranges):
        if name != "plausibility":
            low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
        # Leaves room for the numbers beside the bars.
        axis.set_xlim(1.1 * low, high + 0.7 * max(high - low, 1e-9))
    title = name.replace(", ", ",\n")
    axes[0].annotate(
        f"{title}\n{_BETTER[DESCRIPTIONS[name].higher]}",
        (0, 0.5),
        # Left of the names of the methods, whose letters are about 5 points wide.
        (-5 * max(map(len, methods)) - 12, 0),
        "axes fraction",
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=8,
    )
    axes[0].set_yticks(np.arange(len(methods)), methods, fontsize=8)
    axes[0].set_ylim(len(methods) - 0.4, -0.6)


def _draw_bars(axis: "Axes", scores: Mapping[str, Mapping[str, Any]], best: str | None) -> None:
    for place, (method, score) in enumerate(scores.items()):
        if score["mean"] is None:
            axis.text(0.02, place, score["reason"], transform=axis.get_yaxis_transform(), fontsize=7, va="center")
            continue
        axis.barh(place, score["mean"], 0.8, xerr=score["error"], color=f"C{place}", error_kw={"linewidth": 1})
        axis.annotate(
            score_text(score),
            (_range([score])[1], place),
            (3, 0),
            textcoords="offset points",
            fontsize=7,
            fontweight="bold" if method == best else "normal",
            va="center",
            # Hides the dotted line of real images behind the number.
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    axis.tick_params(axis="x", labelsize=7)
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right"]].set_visible(False)


def _range(scores: Iterable[Mapping[str, Any]]) -> tuple[float, float]:
    """The range that bars and their errors cover, including 0."""
    ends = [0.0]
    for score in scores:
        if score["mean"] is not None:
            error = score["error"] or 0.0
            ends += [score["mean"] - error, score["mean"] + error]
    return min(ends), max(ends)
