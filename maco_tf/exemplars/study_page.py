"""The page of a unit, as one figure."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from maco_tf.display.rgba import as_colours
from maco_tf.display.shading import shade

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# All lengths are inches. Pictures stand in nine columns; a visualisation is as large as two by two of them.
_COLUMNS, _SIDE, _GAP, _MARGIN = 9, 1.3, 0.08, 0.25
_LARGE = 2 * _SIDE + _GAP
_WIDTH = _COLUMNS * (_SIDE + _GAP) - _GAP + 2 * _MARGIN
_HEADING, _CAPTION, _SPACE = 0.32, 0.2, 0.1
# Sizes of type, points, and colours.
_TITLE_SIZE, _HEADING_SIZE, _TEXT_SIZE, _CAPTION_SIZE = 16, 11, 10, 8.5
_GREY, _BLUE = "#555555", "#3b6ea8"


def draw_page(study: Any, quantiles: Sequence[float], figure: "Figure | None" = None) -> "Figure":
    """Draw the page of a unit.

    Args:
        study: a `Study`.
        quantiles: the quantiles of its row of images from the weakest to the strongest.
        figure: an empty figure to draw into; `None` makes one that is not registered with pyplot.

    Returns:
        The figure.
    """
    from matplotlib.figure import Figure

    shown = study.explanation[:3]
    patches, scores = study.patches, [f"{score:.4g}" for score in study.exemplars.scores[0]]
    ramp = [f"{_percent(at)}: {score:.4g}" for at, score in zip(quantiles, study.quantile_scores)]
    shaded = shade(patches.images, patches.masks, floor=0.5)
    rows = [
        ("Natural images that activate it most, darker where they do not", shaded, scores),
        ("Patches around their strongest positions", patches.tiles(floor=0.5), None),
        (
            "From the weakest image to the strongest, by percentile of all images",
            as_colours(study.quantile_images),
            ramp,
        ),
    ]
    lines = _lines(study)
    top = _MARGIN + 0.35 + 0.21 * len(lines)
    height = top + _LARGE + _CAPTION + sum(_height(len(images), captions) for _, images, captions in rows) + _MARGIN
    figure = figure or Figure()
    figure.set_size_inches(_WIDTH, height)
    _write(figure, _MARGIN, _MARGIN, study.name, _TITLE_SIZE, weight="bold")
    for number, line in enumerate(lines):
        _write(figure, _MARGIN, _MARGIN + 0.35 + 0.21 * number, line, _TEXT_SIZE, color=_GREY)
    for number, picture in enumerate(shown.rgba(background="white")):
        axis = _axes(figure, _MARGIN + number * (_LARGE + _GAP), top, _LARGE, _LARGE)
        _picture(axis, picture, shown.names[number].removeprefix(study.name).lstrip(", ") or f"seed {shown.seed}")
    left = _MARGIN + max(len(shown), 2) * (_LARGE + _GAP) + 0.2
    _draw_charts(figure, study, left, top)
    cursor = top + _LARGE + _CAPTION
    for heading, images, captions in rows:
        _write(figure, _MARGIN, cursor + _SPACE, heading, _HEADING_SIZE, weight="bold")
        for number, image in enumerate(images):
            row, column = divmod(number, _COLUMNS)
            x = _MARGIN + column * (_SIDE + _GAP)
            y = cursor + _SPACE + _HEADING + row * (_SIDE + (_CAPTION if captions else _GAP))
            _picture(_axes(figure, x, y, _SIDE, _SIDE), image, captions[number] if captions else "")
        cursor += _height(len(images), captions)
    return figure


def _lines(study: Any) -> list[str]:
    """The lines below the title."""
    summary = study.summary
    lines = [f"{study.explanation.config.get('model', '')}: {summary.sparsity_text}"]
    if study.words:
        lines.append(f"Names: {', '.join(study.words)}")
    if study.verdicts:
        verdicts = [f"{text} by {kind}" for kind, text in study.verdict_texts().items()]
        lines.append(f"A judge finds the stronger of two images: {', '.join(verdicts)}; chance is 50 %")
    return lines


def _draw_charts(figure: "Figure", study: Any, left: float, top: float) -> None:
    """The histogram, and the classes below it."""
    summary = study.summary
    width, classes = _WIDTH - _MARGIN - left, summary.classes
    height = 0.85 if classes else _LARGE - 0.6
    axis = _axes(figure, left, top + 0.25, width, height)
    axis.bar(summary.edges[:-1], summary.counts, np.diff(summary.edges), align="edge", color=_BLUE)
    axis.set_yscale("symlog")
    axis.yaxis.set_visible(False)
    axis.spines[["left", "right", "top"]].set_visible(False)
    axis.tick_params(labelsize=_CAPTION_SIZE, color=_GREY, labelcolor=_GREY)
    axis.set_title("Images by activation (logarithmic)", fontsize=_HEADING_SIZE, loc="left", weight="bold")
    if not classes:
        return
    axis = _axes(figure, left, top + 0.25 + height + 0.55, width, _LARGE - height - 0.8)
    places = np.arange(len(classes))[::-1]
    axis.barh(places, [found.mean for found in classes], height=0.22, color=_BLUE, align="edge")
    for place, found in zip(places, classes):
        text = f"{_cut(found.name, 26)} ({found.ratio:.1f} x)"
        axis.text(0, place + 0.24, text, fontsize=_CAPTION_SIZE, va="bottom", ha="left", parse_math=False)
    axis.set_ylim(-0.1, len(classes))
    axis.set_xlim(min(0, classes[-1].mean), max(classes[0].mean, 1e-9))
    axis.set_axis_off()
    axis.set_title("Classes, x the average class", fontsize=_HEADING_SIZE, loc="left", weight="bold")


def _height(count: int, captions: Sequence[str] | None) -> float:
    """Height of a heading and its rows of pictures."""
    rows = math.ceil(count / _COLUMNS)
    return _SPACE + _HEADING + rows * (_SIDE + (_CAPTION if captions else _GAP))


def _axes(figure: "Figure", x: float, y: float, width: float, height: float) -> "Axes":
    """Axes at a place that is given from the top left corner."""
    whole = figure.get_figheight()
    return figure.add_axes((x / _WIDTH, 1 - (y + height) / whole, width / _WIDTH, height / whole))


def _write(figure: "Figure", x: float, y: float, text: str, size: float, **settings: Any) -> None:
    # A name may hold a dollar sign, which matplotlib would read as a formula.
    settings |= {"fontsize": size, "va": "top", "ha": "left", "parse_math": False}
    figure.text(x / _WIDTH, 1 - y / figure.get_figheight(), text, **settings)


def _picture(axis: "Axes", image: np.ndarray, caption: str) -> None:
    """One picture in the middle of its square, with a caption below."""
    axis.imshow(np.clip(image, 0, 1), interpolation="antialiased")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
    axis.set_facecolor("none")
    axis.set_anchor("N")
    if caption:
        axis.set_xlabel(caption, fontsize=_CAPTION_SIZE, color=_GREY, labelpad=2, parse_math=False)


def _percent(quantile: float) -> str:
    return {0.0: "weakest", 1.0: "strongest"}.get(quantile, f"{100 * quantile:g} %")


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 3].rstrip()}..."
