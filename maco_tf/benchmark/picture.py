"""The scores as a picture."""

import numpy as np

from maco_tf.benchmark.comparison import cell_of
from maco_tf.benchmark.descriptions import DESCRIPTIONS
from maco_tf.benchmark.score_text import score_text
from maco_tf.display.comparison import write_figure

# Shares of images are in the tables only: transferability says the same of more digits.
_LEFT_OUT = ("top-1", "top-5")


def draw_scores(results, *, path=None):
    """Scores as bars with their standard errors: a row a score, a column a model, a bar a method.

    Columns of a row share their axis, but for plausibility, whose networks do not compare. A line is what real images
    score. What has no value for any method is named below with the reason.

    Args:
        results: dictionary of `run_benchmark`.
        path: where to write the figure; `None` writes nothing.

    Returns:
        The `matplotlib.figure.Figure`, which pyplot does not keep.
    """
    from matplotlib.figure import Figure

    models, methods = results["settings"]["models"], results["settings"]["methods"]
    drawn, missing = [], []
    for name in (name for name in DESCRIPTIONS if name not in _LEFT_OUT):
        scores = [cell["scores"][name] for cell in results["cells"]]
        if any(score["mean"] is not None for score in scores):
            drawn.append(name)
        else:
            missing.append(f"{name}: {scores[0]['reason']}")
    height = 0.27 * len(methods) + 0.5
    figure = Figure(figsize=(2.2 + 2.6 * len(models), height * len(drawn) + 0.6))
    figure.set_layout_engine("constrained")
    axes = figure.subplots(len(drawn), len(models), squeeze=False, sharey=True)
    for row, name in zip(axes, drawn):
        for axis, model in zip(row, models):
            _bars(axis, [cell_of(results, model, method)["scores"][name] for method in methods])
            natural = results["natural"].get(name)
            if natural is not None:
                axis.axvline(natural["mean"], color="black", linewidth=1, linestyle=":")
        if name != "plausibility":
            ends = [end for axis in row for end in axis.get_xlim()]
            for axis in row:
                axis.set_xlim(min(ends), max(ends))
        better = {True: "higher is better", False: "lower is better", None: "as real images is best"}
        title = f"{name.replace(', ', ',' + chr(10))}\n{better[DESCRIPTIONS[name].higher]}"
        row[0].annotate(
            title, (0, 0.5), (-58, 0), "axes fraction", textcoords="offset points", ha="right", va="center", fontsize=8
        )
        row[0].set_yticks(np.arange(len(methods)), methods, fontsize=8)
        row[0].set_ylim(len(methods) - 0.4, -0.6)
    for axis, model in zip(axes[0], models):
        axis.set_title(model, fontsize=9)
    note = ["Bars: ± standard error over classes. Dotted: real images."] if results["natural"] else []
    note = note or ["Bars: ± standard error over classes."]
    figure.supxlabel("\n".join(note + [f"No {text}." for text in missing]), fontsize=7)
    return write_figure(figure, path)


def _bars(axis, scores):
    for place, score in enumerate(scores):
        if score["mean"] is None:
            axis.text(0.02, place, score["reason"], transform=axis.get_yaxis_transform(), fontsize=7, va="center")
            continue
        error = score["error"] or 0.0
        axis.barh(place, score["mean"], 0.8, xerr=error or None, color=f"C{place}", error_kw={"linewidth": 1})
        end = max(score["mean"], 0) + error
        axis.annotate(
            score_text(score), (end, place), (3, 0), textcoords="offset points", fontsize=7, va="center", ha="left"
        )
    ends = [
        part
        for score in scores
        if score["mean"] is not None
        for part in (score["mean"] - (score["error"] or 0), score["mean"] + (score["error"] or 0))
    ]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    # Room for the numbers.
    axis.set_xlim(1.1 * low, high + 0.7 * max(high - low, 1e-9))
    axis.tick_params(axis="x", labelsize=7)
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right"]].set_visible(False)
