"""Charts of a page, as SVG inside it: the histogram of a unit, the history of its score, maps of points."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

# Size of a chart in its own units, which are pixels at full width.
_WIDTH, _HEIGHT = 320, 96
# Size of a map's longer side, and the share of it that stays free around the points.
_MAP, _MARGIN = 640, 0.09
# Distance between points that would lie on each other: that of pictures of 44 pixels that overlap a little.
_APART = 38.0
# A picture of 44 pixels, with its number, stays inside this far from the border.
_INSIDE = 26.0
# A map is at most this many times as wide as high, or the other way round.
_RATIO = 2.0


def histogram_path(counts: Sequence[float]) -> str:
    """The outline of a histogram whose heights grow with the logarithm of the counts.

    Args:
        counts: the numbers of images of the bins.

    Returns:
        The path, in a box of 320 by 96.
    """
    highest = math.log1p(max(counts, default=0)) or 1.0
    width = _WIDTH / max(len(counts), 1)
    bars = []
    for place, count in enumerate(counts):
        height = _HEIGHT * math.log1p(count) / highest
        if height:
            bars.append(f"M{place * width + 0.5:.1f} {_HEIGHT}v-{height:.1f}h{width - 1:.1f}v{height:.1f}z")
    return "".join(bars)


def history_path(scores: Sequence[float | None]) -> str:
    """The line of a score over the steps.

    Args:
        scores: the scores, in the order of the steps; `None` where one was not finite.

    Returns:
        The path, in a box of 320 by 96; empty without two scores.
    """
    finite = [score for score in scores if score is not None]
    if len(finite) < 2:
        return ""
    low, high = min(finite), max(finite)
    scale, step = (_HEIGHT - 8) / ((high - low) or 1.0), _WIDTH / (len(finite) - 1)
    points = [f"{round(step * place)} {round(4 + scale * (high - score))}" for place, score in enumerate(finite)]
    return "M" + "L".join(points)


def map_places(points: Sequence[dict[str, Any]]) -> tuple[int, int, list[tuple[float, float]]]:
    """Where the points of a map lie. Both axes have the same scale, so that distances can be compared.

    Args:
        points: dictionaries with "x" and "y".

    Returns:
        Width and height of the map, and the places of the points from its top left corner. Points that would lie
        exactly on each other are drawn side by side.
    """
    if not points:
        return _MAP, _MAP // 2, []
    xs, ys = [float(point["x"]) for point in points], [float(point["y"]) for point in points]
    spans = [max(values) - min(values) for values in (xs, ys)]
    longest = max(spans) or 1.0
    width, height = (max(span, longest / _RATIO) for span in spans)
    scale = _MAP * (1 - 2 * _MARGIN) / max(width, height)
    edge = _MARGIN * _MAP
    left = (min(xs) + max(xs) - width) / 2
    top = (min(ys) + max(ys) + height) / 2
    size = round(scale * width + 2 * edge), round(scale * height + 2 * edge)
    places: list[tuple[float, float]] = []
    seen: Counter[tuple[float, float]] = Counter()
    for x, y in zip(xs, ys):
        place = round(edge + scale * (x - left), 1), round(edge + scale * (top - y), 1)
        places.append(_aside(place, seen[place], size))
        seen[place] += 1
    return (*size, places)


def _aside(place: tuple[float, float], number: int, size: tuple[int, int]) -> tuple[float, float]:
    """Where a point is drawn if so many others lie at exactly its place: on a spiral around it, inside the map."""
    if not number:
        return place
    angle, radius = number * math.pi * (3 - math.sqrt(5)), _APART * math.sqrt(number)
    shifted = place[0] + radius * math.cos(angle), place[1] + radius * math.sin(angle)
    x, y = (min(max(value, _INSIDE), length - _INSIDE) for value, length in zip(shifted, size))
    return round(x, 1), round(y, 1)
