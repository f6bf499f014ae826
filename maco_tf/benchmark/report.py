"""Results to tables and a picture."""

import math

import numpy as np

from maco_tf.display.grid import write_figure

# Score -> whether higher is better; in the order of the report. Those of real images may be absent.
DIRECTIONS = {
    "plausibility": False,
    "plausibility, normalised": False,
    "FID": False,
    "KID": False,
    "transferability": True,
    "top-1": True,
    "top-5": True,
    "agreement": True,
    "spectrum deviation": False,
    "high frequencies": None,
}

_DRAWN = ("plausibility", "FID", "transferability")


def markdown(results):
    """The tables as Markdown: scores by model, then every judge.

    Args:
        results: dictionary of `run_benchmark`.

    Returns:
        Text.
    """
    settings = results["settings"]
    images = len(settings["classes"]) * len(settings["seeds"])
    lines = [
        f"{images} images a cell ({len(settings['classes'])} classes, {len(settings['seeds'])} seed(s)), "
        f"{settings['steps']} steps x {settings['crops']} views, {settings['image_size']} pixels. Mean ± standard "
        "error over classes; bold is best. "
        + ", ".join(f"{name} {version}" for name, version in results["versions"].items())
        + ".",
        "",
        "## Scores",
        "",
    ]
    present = [name for name in DIRECTIONS if name in results["cells"][0]["scores"]]
    rows = []
    for name in present:
        block = [[method, *_row(results, name, method)] for method in settings["methods"]]
        if name in results["natural"]:
            block.append(["real images", *[_text(results["natural"][name])] * len(settings["models"])])
        titles = [f"{name} {_arrow(DIRECTIONS[name])}".strip()] + [""] * (len(block) - 1)
        rows += [[title, *line] for title, line in zip(titles, block)]
    lines += _table(["score", "method", *settings["models"]], rows)
    if "FID" in present:
        lines += [
            "",
            f"Features of FID and KID: {settings['features']}. FID of fewer images than features is far too large; it "
            "compares methods, and nothing with other tables. KID is unbiased. Plausibility in raw L2, as in the paper,"
            " also falls with the features' strength: images of low contrast, which nothing recognises, may be first.",
        ]
    for model in settings["models"]:
        judges = [name for name in settings["judges"] if name != model]
        lines += ["", f"## Images of {model}, as other networks see them: mean target probability (top-1)", ""]
        rows = []
        for method in settings["methods"]:
            scores = _cell(results, model, method)["scores"]
            verdicts = [f"{_text(scores[f'judge {name}'])} ({scores[f'top-1 {name}']['mean']:.2f})" for name in judges]
            seconds = _cell(results, model, method)["median seconds"]
            rows.append([method, *verdicts, _text(scores["transferability"]), f"{seconds:.1f}"])
        lines += _table(["method", *judges, "mean", "s an image"], rows)
    return "\n".join(lines) + "\n"


def draw_tables(results, *, path=None):
    """The three scores of the paper as bars: a panel a score, a group a model, a bar a method.

    Args:
        results: dictionary of `run_benchmark`.
        path: where to write the figure; `None` writes nothing.

    Returns:
        The `matplotlib.figure.Figure`, which pyplot does not keep.
    """
    from matplotlib.figure import Figure

    settings = results["settings"]
    drawn = [name for name in _DRAWN if name in results["cells"][0]["scores"]]
    figure = Figure(figsize=(4.2 * len(drawn), 3.2))
    figure.set_layout_engine("constrained")
    axes = figure.subplots(1, len(drawn), squeeze=False)[0]
    positions, width = np.arange(len(settings["models"])), 0.8 / len(settings["methods"])
    for axis, name in zip(axes, drawn):
        for offset, method in enumerate(settings["methods"]):
            scores = [_cell(results, model, method)["scores"][name] for model in settings["models"]]
            place = positions + (offset - (len(settings["methods"]) - 1) / 2) * width
            errors = [0 if _unknown(score) else score["error"] for score in scores]
            axis.bar(
                place, [score["mean"] for score in scores], width, yerr=errors if any(errors) else None, label=method
            )
        axis.set_xticks(positions, settings["models"], fontsize=8)
        axis.set_title(f"{name} ({'higher' if DIRECTIONS[name] else 'lower'} is better)", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].legend(frameon=False, fontsize=8)
    return write_figure(figure, path)


def _row(results, name, method):
    """A method's cells of a score, the best of each model in bold."""
    texts = []
    for model in results["settings"]["models"]:
        values = {other: _cell(results, model, other)["scores"][name] for other in results["settings"]["methods"]}
        text, better = _text(values[method]), DIRECTIONS[name]
        if better is not None:
            means = sorted((score["mean"] for score in values.values()), reverse=better)
            # Equal scores have no best.
            first = values[method]["mean"] == means[0] != means[min(1, len(means) - 1)]
            text = f"**{text}**" if first else text
        texts.append(text)
    return texts


def _cell(results, model, method):
    return next(cell for cell in results["cells"] if (cell["model"], cell["method"]) == (model, method))


def _text(score):
    digits = 3 if abs(score["mean"]) < 10 else 1
    error = "" if _unknown(score) else f" ± {score['error']:.{digits}f}"
    return f"{score['mean']:.{digits}f}{error}"


def _unknown(score):
    """Whether there is no error: NaN, which JSON holds as null."""
    return score["error"] is None or math.isnan(score["error"])


def _arrow(higher):
    return "" if higher is None else "↑" if higher else "↓"


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
