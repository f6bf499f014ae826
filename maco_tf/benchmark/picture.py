"""The scores as a picture."""

import numpy as np

from maco_tf.benchmark.comparison import cell_of
from maco_tf.benchmark.descriptions import DESCRIPTIONS
from maco_tf.benchmark.score import score_text
from maco_tf.display.grid import write_figure

# Shares of images are in the tables only: transferability says the same of more digits.
_LEFT_OUT = ("top-1", "top-5")


def draw_scores(results, *, path=None):
    """Scores as bars with their standard errors: a row a score, a column a model, a bar a method.

    Columns of a row share their axis, but for plausibility, whose networks do not compare. A dotted line is what real
    images score. The best is bold where 0 lies outside the 95 % interval of its difference from the second. What
    has no value for any method is named below with the reason.

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
            best = [
                item["best"]
                for item in results["comparisons"]
                if (item["model"], item["score"], item["within"]) == (model, name, False)
            ]
            scores = {method: cell_of(results, model, method)["scores"][name] for method in methods}
            _bars(axis, scores, *best)
            natural = results["natural"].get(name)
            if natural is not None:
                axis.axvline(natural["mean"], color="black", linewidth=1, linestyle=":", zorder=0.5)
        ends = [_ends(cell_of(results, model, method)["scores"][name] for method in methods) for model in models]
        for axis, (low, high) in zip(row, ends):
            if name != "plausibility":
                low, high = min(end for end, _ in ends), max(end for _, end in ends)
            # Room for the numbers.
            axis.set_xlim(1.1 * low, high + 0.7 * max(high - low, 1e-9))
        better = {True: "higher is better", False: "lower is better", None: "as real images is best"}
        title = f"{name.replace(', ', ',' + chr(10))}\n{better[DESCRIPTIONS[name].higher]}"
        row[0].annotate(
            title, (0, 0.5), (-58, 0), "axes fraction", textcoords="offset points", ha="right", va="center", fontsize=8
        )
        row[0].set_yticks(np.arange(len(methods)), methods, fontsize=8)
        row[0].set_ylim(len(methods) - 0.4, -0.6)
    for axis, model in zip(axes[0], models):
        axis.set_title(model, fontsize=9)
    note = ["± standard error over classes. Bold: best, 0 outside the difference's 95 % interval."]
    if results["natural"]:
        note[0] += " Dotted: real images."
    figure.supxlabel("\n".join(note + [f"No {text}." for text in missing]), fontsize=7)
    return write_figure(figure, path)


def _bars(axis, scores, best=None):
    for place, (method, score) in enumerate(scores.items()):
        if score["mean"] is None:
            axis.text(0.02, place, score["reason"], transform=axis.get_yaxis_transform(), fontsize=7, va="center")
            continue
        axis.barh(place, score["mean"], 0.8, xerr=score["error"], color=f"C{place}", error_kw={"linewidth": 1})
        axis.annotate(
            score_text(score),
            (_ends([score])[1], place),
            (3, 0),
            textcoords="offset points",
            fontsize=7,
            fontweight="bold" if method == best else "normal",
            va="center",
            # Real images' line passes behind.
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    axis.tick_params(axis="x", labelsize=7)
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right"]].set_visible(False)


def _ends(scores):
    """How far bars and their errors reach, 0 included."""
    ends = [0.0]
    for score in scores:
        if score["mean"] is not None:
            error = score["error"] or 0.0
            ends += [score["mean"] - error, score["mean"] + error]
    return min(ends), max(ends)
