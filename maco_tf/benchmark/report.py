"""Results as a Markdown report."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from maco_tf.benchmark.comparison import Results, cell_of
from maco_tf.benchmark.descriptions import DESCRIPTIONS, MAIN
from maco_tf.benchmark.score import difference_text, score_text
from maco_tf.objectives.imagenet_labels import label

_MARK = "†"
_LEGEND = (
    "± is the standard error over classes; all seeds of a class count as one observation. FID, KID, precision, recall, "
    "diversity and spectrum deviation are scores of the whole set. Their error comes from the jackknife, which "
    "computes the score again without each class in turn, leaving out its real images as well. The error says how much "
    "a score would vary with other classes. It does not include the bias of FID for few images, which affects every "
    "method. FID-infinity has no error, because its subsets are drawn at random.",
    "",
    "**Bold** marks each network's best method. "
    f"{_MARK} means that its lead over the second is uncertain: the 95% interval of the difference over the same "
    "classes, by Student's t, contains 0 or does not exist.",
)


def markdown(results: Results) -> str:
    """The report: the paper's scores, further scores, every judge's ratings, the limits of each score, the classes.

    Args:
        results: dictionary; see `run_benchmark`.

    Returns:
        Text.
    """
    settings = results["settings"]
    lines = ["# Benchmark", "", *_setup(results), "", *_LEGEND]
    lines += ["", "## Scores", "", *_scores(results, MAIN), *_ratios(results)]
    further = [name for name in DESCRIPTIONS if name not in MAIN]
    lines += ["", "## Further scores", "", *_scores(results, further)]
    if notes := results.get("notes"):
        lines += ["", "## Methods", "", *(f"- **{method}**: {note}." for method, note in notes.items())]
    for model in settings["models"]:
        lines += ["", f"## Images of {model}, rated by other networks", "", *_ratings(results, model)]
    lines += ["", "## What each score measures, and what it does not", ""]
    lines += [f"- **{_title(name)}**: {text.measures} {text.blind}" for name, text in DESCRIPTIONS.items()]
    names = ", ".join(f"{index} {label(index)}" for index in settings["classes"])
    count = _counted(len(settings["classes"]), "class", "classes")
    lines += ["", "## Classes", "", f"{count}, {settings['classes_from']}: {names}."]
    return "\n".join(lines) + "\n"


def _setup(results: Results) -> list[str]:
    """What was compared, on what, and what that means for FID."""
    settings, basis = results["settings"], results["basis"]
    classes, seeds, side = len(settings["classes"]), len(settings["seeds"]), settings["image_size"]
    images = classes * seeds
    text = (
        f"Each value comes from {_counted(images, 'image')} of {side} x {side} pixels "
        f"({_counted(classes, 'class', 'classes')}, {_counted(seeds, 'seed')}), made in "
        f"{_counted(settings['steps'], 'step')} of {_counted(settings['crops'], 'view')} with the recipe "
        f'"{settings.get("recipe", "default")}". The judges are '
        f"{', '.join(settings['judges'])}; no network judges its own images. FID, KID, precision, recall and "
        f"diversity compare features of {settings['features']}."
    )
    if basis:
        real, dimensions = basis["real images"], basis["dimensions"]
        text += f" Scores compare with {_counted(real, 'real image')}"
        text += f", and the features have {_counted(dimensions, 'dimension')}."
        if "prior images" in basis:
            text += (
                f" The priors of methods use {_counted(basis['prior images'], 'other image')} of these classes: the "
                "images of each class are divided into two halves."
            )
        if min(images, real) <= dimensions:
            text += (
                " FID fits a Gaussian of that many dimensions to fewer images, which makes it too large for every "
                "method."
            )
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return [text, "", f"Software: {versions}. Device: {results['device']}."]


def _scores(results: Results, names: Iterable[str]) -> list[str]:
    """A table with one row for each score and method, and below it the best methods whose lead is uncertain."""
    settings, rows, uncertain = results["settings"], [], []
    # Results of an earlier version may lack a score.
    for name in (name for name in names if all(name in cell["scores"] for cell in results["cells"])):
        best = {item["model"]: item for item in results["comparisons"] if item["score"] == name}
        cells = {
            method: [cell_of(results, model, method)["scores"][name] for model in settings["models"]]
            for method in settings["methods"]
        }
        reasons = {score["reason"] for scores in cells.values() for score in scores}
        if len(reasons) == 1 and None not in reasons:
            block = [["all", *list(reasons) * len(settings["models"])]]
        else:
            block = [
                [method, *[_marked(score, method, best.get(model)) for score, model in zip(scores, settings["models"])]]
                for method, scores in cells.items()
            ]
        if name in results["natural"]:
            block.append(["real images", *[score_text(results["natural"][name])] * len(settings["models"])])
        titles = [_title(name)] + [""] * (len(block) - 1)
        rows += [[title, *line] for title, line in zip(titles, block)]
        uncertain += [_lead(item) for item in best.values() if item["within"]]
    lines = _table(["score", "method", *settings["models"]], rows)
    if uncertain:
        lines += ["", f"Uncertain leads ({_MARK}):", "", *uncertain]
    return lines


def _marked(score: Mapping[str, Any], method: str, best: Mapping[str, Any] | None) -> str:
    text = score_text(score)
    if best is None or best["best"] != method:
        return text
    return f"**{text}**{_MARK if best['within'] else ''}"


def _lead(item: Mapping[str, Any]) -> str:
    lead = difference_text(item["difference"], item["error"])
    return f"- {item['score']} ({item['model']}): {item['best']} leads {item['second']} by {lead}."


def _ratios(results: Results) -> list[str]:
    """A table of each method's mean target probability, relative to that of xplique's `maco`."""
    ratios = {(item["method"], item["model"]): item for item in results["ratios"]}
    if not ratios:
        return []
    models = list(dict.fromkeys(model for _, model in ratios))
    rows = [
        [method, *[_ratio(ratios[method, model]) for model in models]]
        for method in dict.fromkeys(method for method, _ in ratios)
    ]
    title = (
        "Mean target probability by the judges, divided by that of the images of xplique's `maco`, with the 95% "
        "interval of a bootstrap over classes:"
    )
    return ["", title, "", *_table(["method", *[model or "all networks" for model in models]], rows)]


def _ratio(item: Mapping[str, Any]) -> str:
    if item["low"] is None and item["high"] is None:
        return _times(item["ratio"])
    return f"{_times(item['ratio'])} ({_times(item['low'])} to {_times(item['high'])})"


def _times(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def _ratings(results: Results, model: str) -> list[str]:
    """A table of the target probability by each judge, and how often it ranks the target first."""
    settings = results["settings"]
    judges, rows = [name for name in settings["judges"] if name != model], []
    for method in settings["methods"]:
        cell = cell_of(results, model, method)
        scores = cell["scores"]
        ratings = [_rating(scores[f"judge {name}"], scores[f"top-1 {name}"]) for name in judges]
        seconds = "unknown" if cell["median seconds"] is None else f"{cell['median seconds']:.1f}"
        rows.append([method, *ratings, score_text(scores["transferability"]), seconds])
    title = "Mean target probability by each judge and, in brackets, the fraction of images whose class it ranks first."
    return [title, "", *_table(["method", *judges, "mean", "seconds per image"], rows)]


def _rating(probability: Mapping[str, Any], top_1: Mapping[str, Any]) -> str:
    share = "" if top_1["mean"] is None else f" ({top_1['mean']:.2f})"
    return f"{score_text(probability)}{share}"


def _title(name: str) -> str:
    return f"{name} {DESCRIPTIONS[name].arrow}".strip()


def _counted(count: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun, such as "1 seed" or "1,280 dimensions"."""
    return f"{count:,} {singular if count == 1 else plural or f'{singular}s'}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
