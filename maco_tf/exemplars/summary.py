"""What a unit is about, in numbers and a few lines of text: its classes, its histogram, whether it is dead."""

import dataclasses
from typing import NamedTuple

import numpy as np

from maco_tf.checks import check_integer
from maco_tf.exemplars.result import Exemplars

_BARS = "▁▂▃▄▅▆▇█"
# Bins of the histogram in the text.
_BINS = 24


class UnitClass(NamedTuple):
    """A class of images to which a unit responds.

    Attributes:
        number: the number of the class.
        name: its name; its number as text if the classes have no names.
        mean: mean of the ten highest values of the unit on images of the class, or of all if there are fewer.
        share: the mean divided by the sum of the means of all classes that have images, where those below 0 count as 0.
            It is 1 if the unit responds to this class only, and 1 / classes if it responds to all alike.
        ratio: the share times the number of classes: how many times the mean of an average class this one has.
    """

    number: int
    name: str
    mean: float
    share: float
    ratio: float


@dataclasses.dataclass(frozen=True, eq=False)
class UnitSummary:
    """A unit over all images. Its text is a few lines.

    The values are those by which the images were ranked, such as the maximum over positions.

    Attributes:
        name: the name of the unit.
        images: number of images.
        dead: whether the unit has the same value on every image.
        active: number of images with a value above 0.
        mean: mean over the images.
        deviation: standard deviation over the images.
        minimum: the lowest value.
        maximum: the highest value.
        classes: the `UnitClass`es of the highest means, in descending order; empty if no image has a class.
        counts: array (bins,), int64: the histogram over the sample of the images.
        edges: array (bins + 1,), float64: its edges.
    """

    name: str
    images: int
    dead: bool
    active: int
    mean: float
    deviation: float
    minimum: float
    maximum: float
    classes: tuple[UnitClass, ...]
    counts: np.ndarray
    edges: np.ndarray

    @property
    def sparsity(self) -> float:
        """Share of the images whose value is not above 0, in [0, 1]."""
        return 1 - self.active / max(self.images, 1)

    @property
    def sparsity_text(self) -> str:
        """How many images activate the unit."""
        if self.dead:
            return f"dead: {self.minimum:.4g} on all {self.images:,} images"
        return f"above 0 on {1 - self.sparsity:.1%} of {self.images:,} images"

    @property
    def histogram_text(self) -> str:
        """The histogram as bars, between the lowest and the highest value. A bar's height grows with the logarithm of
        its count, so that few images are seen beside many; an empty bin is a space."""
        heights = np.log1p(self.counts) / max(np.log1p(self.counts.max()), 1e-9)
        bars = [_BARS[round(height * (len(_BARS) - 1))] if height else " " for height in heights]
        return f"{self.edges[0]:.4g} {''.join(bars)} {self.edges[-1]:.4g}"

    @property
    def classes_text(self) -> str:
        """The classes with their means, and how many times the mean of an average class each has."""
        return ", ".join(
            f"{found.name} {found.mean:.4g}" + (f" ({found.ratio:.1f} x)" if found.share else "")
            for found in self.classes
        )

    def __str__(self) -> str:
        if self.dead:
            return f"{self.name}\n{self.sparsity_text}"
        lines = [
            self.name,
            f"{self.sparsity_text}, mean {self.mean:.4g}, deviation {self.deviation:.4g}",
            self.histogram_text,
        ]
        return "\n".join(lines + ([f"highest for {self.classes_text}"] if self.classes else []))


def summarize_units(found: Exemplars, classes: int = 5) -> list[UnitSummary]:
    """Summarise each unit over all images that were searched.

    A class is ranked by the mean of the ten highest values of its images. That says which classes can activate the
    unit, not how often they do. Classes with more images have higher means, and classes with few images have lower
    ones, so compare classes of similar numbers of images.

    Args:
        found: an `Exemplars`.
        classes: number of classes of each unit, at least 0.

    Returns:
        List of `UnitSummary`, one for each unit.
    """
    classes = check_integer("classes", classes, 0)
    statistics, top = found.statistics, found.class_top
    counts, edges = found.histogram(_BINS)
    return [
        UnitSummary(
            name=name,
            images=statistics.images,
            dead=bool(statistics.dead[unit]),
            active=int(statistics.active[unit]),
            mean=float(statistics.mean[unit]),
            deviation=float(statistics.deviation[unit]),
            minimum=float(statistics.minimum[unit]),
            maximum=float(statistics.maximum[unit]),
            classes=() if top is None or statistics.dead[unit] else _classes(top[unit], found.classes, classes),
            counts=counts[unit],
            edges=edges[unit],
        )
        for unit, name in enumerate(found.names)
    ]


def _classes(top: np.ndarray, names: list[str] | None, count: int) -> tuple[UnitClass, ...]:
    """The classes of the highest means; `top` is (classes, 10), NaN where a class has fewer images."""
    (known,) = np.nonzero(~np.isnan(top).all(axis=1))
    means = np.nanmean(top[known].astype("float64"), axis=1)
    positive = np.maximum(means, 0)
    shares = positive / positive.sum() if positive.any() else positive
    order = np.argsort(-means, kind="stable")[:count]
    return tuple(
        UnitClass(
            number=int(known[row]),
            name=names[known[row]] if names is not None and known[row] < len(names) else str(known[row]),
            mean=float(means[row]),
            share=float(shares[row]),
            ratio=float(shares[row] * len(known)),
        )
        for row in order
    )
