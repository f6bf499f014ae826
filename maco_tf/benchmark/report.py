"""Results to Markdown."""

from maco_tf.benchmark.comparison import cell_of
from maco_tf.benchmark.descriptions import DESCRIPTIONS, MAIN
from maco_tf.benchmark.score import difference_text, score_text
from maco_tf.objectives.imagenet_labels import label

_ERRORS = (
    "± is the standard error over classes, all seeds of a class together. Of scores of the whole set (FID, KID, "
    "spectrum deviation, diversity) it is the jackknife's: the score without each class, its real images too, in turn. "
    "It tells what other classes would change, not FID's bias from few images, which every method has. FID-infinity "
    "has no error: its subsets are drawn by chance."
)
_MARK = "†"


def markdown(results):
    """The report: the paper's scores, the further ones, every judge, what no score tells, and the classes.

    Args:
        results: dictionary of `run_benchmark`.

    Returns:
        Text.
    """
    settings = results["settings"]
    classes, seeds = len(settings["classes"]), len(settings["seeds"])
    lines = [
        f"{classes * seeds} images a cell ({classes} classes, {seeds} seed(s)), {settings['steps']} steps x "
        f"{settings['crops']} views, {settings['image_size']} pixels. "
        + ", ".join(f"{name} {version}" for name, version in results["versions"].items())
        + f"; {results['device']}. Features of FID, KID and diversity: {settings['features']}."
        + _basis(results["basis"], classes * seeds),
        "",
        _ERRORS,
    ]
    lines += ["", "## Scores", "", *_scores(results, MAIN), *_ratios(results)]
    further = [name for name in DESCRIPTIONS if name not in MAIN]
    lines += ["", "## Further scores", "", *_scores(results, further)]
    for model in settings["models"]:
        lines += ["", f"## Images of {model}, as other networks see them: mean target probability (top-1)", ""]
        lines += _verdicts(results, model)
    lines += ["", "## What the scores tell, and what not", ""]
    lines += [f"- **{_title(name)}**: {description.blind}" for name, description in DESCRIPTIONS.items()]
    names = ", ".join(f"{index} {label(index)}" for index in settings["classes"])
    lines += ["", "## Classes", "", f"{classes}, {settings['classes_from']}: {names}."]
    return "\n".join(lines) + "\n"


def _basis(basis, images):
    """How many real images and features there are, and what that does to FID."""
    if not basis:
        return ""
    text = f" {basis['real images']} real images; {basis['dimensions']} dimensions."
    if min(images, basis["real images"]) <= basis["dimensions"]:
        text += " FID fits a Gaussian of as many dimensions to fewer images, which makes it too large for every method."
    return text


def _scores(results, names):
    """A table with rows of methods for each score, and below it where the best is hardly better."""
    settings, rows, close = results["settings"], [], []
    for name in names:
        best = {item["model"]: item for item in results["comparisons"] if item["score"] == name}
        cells = {
            method: [cell_of(results, model, method)["scores"][name] for model in settings["models"]]
            for method in settings["methods"]
        }
        reasons = {score["reason"] for line in cells.values() for score in line}
        if len(reasons) == 1 and None not in reasons:
            block = [["all", *list(reasons) * len(settings["models"])]]
        else:
            block = [
                [method, *[_marked(score, method, best.get(model)) for score, model in zip(line, settings["models"])]]
                for method, line in cells.items()
            ]
        if name in results["natural"]:
            block.append(["real images", *[score_text(results["natural"][name])] * len(settings["models"])])
        titles = [_title(name)] + [""] * (len(block) - 1)
        rows += [[title, *line] for title, line in zip(titles, block)]
        close += [_close(item) for item in best.values() if item["within"]]
    lines = [*_table(["score", "method", *settings["models"]], rows), "", "**Bold**: the best of a network's methods."]
    if close:
        lines[-1] += (
            f" {_MARK}: 0 lies within the 95 % interval (Student's t) of the difference from the second over the same "
            f"classes, or it has no error; no difference is shown. {'; '.join(close)}."
        )
    return lines


def _marked(score, method, best):
    text = score_text(score)
    if best is None or best["best"] != method:
        return text
    return f"**{text}**{_MARK if best['within'] else ''}"


def _close(item):
    distance = difference_text(item["difference"], item["error"])
    return f"{item['score']} of {item['model']}: {item['best']} before {item['second']} by {distance}"


def _ratios(results):
    """A line a method: how often its mean target probability is that of xplique's `maco`."""
    lines = []
    for method in dict.fromkeys(item["method"] for item in results["ratios"]):
        parts = []
        for item in (item for item in results["ratios"] if item["method"] == method):
            low, high = (_times(item[end]) for end in ("low", "high"))
            interval = "" if low == high == _times(None) else f" ({low} to {high})"
            parts.append(f"{item['model'] or '**all networks**'} {_times(item['ratio'])}{interval}")
        lines.append(f"- {method}: {', '.join(parts)}")
    if lines:
        title = (
            "Mean target probability by the judges, times that of xplique's images (95 % interval of the bootstrap "
            "over classes):"
        )
        lines = ["", title, "", *lines]
    return lines


def _times(value):
    return "unknown" if value is None else f"{value:.3g}"


def _verdicts(results, model):
    settings = results["settings"]
    judges, rows = [name for name in settings["judges"] if name != model], []
    for method in settings["methods"]:
        cell = cell_of(results, model, method)
        scores = cell["scores"]
        verdicts = [f"{score_text(scores[f'judge {name}'])} ({scores[f'top-1 {name}']['mean']:.2f})" for name in judges]
        seconds = "unknown" if cell["median seconds"] is None else f"{cell['median seconds']:.1f}"
        rows.append([method, *verdicts, score_text(scores["transferability"]), seconds])
    return _table(["method", *judges, "mean", "s an image"], rows)


def _title(name):
    return f"{name} {DESCRIPTIONS[name].arrow}".strip()


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
