"""A score with its error over classes, as a value and as text."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

# A score of a whole set is computed again without each class in turn. With more classes than this, it is computed
# without each of this many groups of classes instead, because FID of hundreds of images takes seconds.
_MOST_GROUPS = 50


@dataclasses.dataclass(frozen=True)
class Score:
    """A value and its uncertainty.

    Attributes:
        mean: the mean over classes and seeds, or the value of the whole set; NaN if there is none.
        error: standard error over classes, where all seeds of a class count as one observation; NaN for one class, and
            for two classes if the score is of the whole set.
        count: number of images.
        by_class: one value for every class, in the order of the classes: the mean of its images, or its jackknife
            pseudo-value if the score is of the whole set (one for every group of classes if there are many). `error` is
            the standard error of these values, and the error of the difference between two methods is the standard
            error of the differences of their values.
        reason: why there is no value; `None` if there is one.
    """

    mean: float
    error: float
    count: int
    by_class: tuple[float, ...] = ()
    reason: str | None = None

    @classmethod
    def of(cls, values: ArrayLike, seeds: int) -> "Score":
        """A score that every image has: its mean over seeds and then over classes.

        Args:
            values: one number for every image, with the seeds of a class side by side; NaN is left out.
            seeds: number of images per class.
        """
        values = np.asarray(values, "float64").reshape(-1, seeds)
        known = ~np.isnan(values)
        counts = known.sum(axis=1)
        classes = np.full(len(values), np.nan)
        classes[counts > 0] = np.nansum(values[counts > 0], axis=1) / counts[counts > 0]
        if not known.any():
            return cls.missing("no image can be measured")
        return cls(float(np.nanmean(classes)), standard_error(classes), int(known.sum()), tuple(classes.tolist()))

    @classmethod
    def of_set(cls, value_of: Callable[[np.ndarray], float], classes: int, count: int) -> "Score":
        """A score of the whole set, with its error by the jackknife over classes (Tukey, 1958).

        A bootstrap would be wrong here: its samples contain some classes twice, and duplicates shift FID, KID and
        diversity, which are made of variances and pairs, by about as much as their error. A set without one class is a
        set like any other. For features of photographs and of damaged ones, 30 of 100 classes:

            FID   error over repeated draws 11.6, jackknife 13.2, bootstrap 14.5 around a value 7 too high
            KID   error over repeated draws 0.012, jackknife 0.014, bootstrap 0.016 around a value 0.013 too high

        Args:
            value_of: function of an increasing array of positions of classes; returns the score of those classes.
            classes: number of classes.
            count: number of images.
        """
        whole = float(value_of(np.arange(classes)))
        if classes < 3:
            # One class alone has no spread between classes.
            return cls(whole, float("nan"), count)
        groups = _groups(classes)
        without = np.array([value_of(np.setdiff1d(np.arange(classes), group)) for group in groups])
        # Groups may differ in size by one class; each is weighted by its size (Busing, Meijer & van der Leeden, 1999).
        shares = classes / np.array([len(group) for group in groups])
        pseudo = shares * whole - (shares - 1) * without
        return cls(whole, standard_error(pseudo), count, tuple(pseudo.tolist()))

    @classmethod
    def missing(cls, reason: str) -> "Score":
        """A score without a value.

        Args:
            reason: the reason in a few plain words, for the table.
        """
        return cls(float("nan"), float("nan"), 0, (), reason)


def standard_error(values: ArrayLike) -> float:
    """Standard error of the mean of independent values.

    Args:
        values: array (count,); NaN is left out.

    Returns:
        float; NaN for fewer than two values.
    """
    known = np.asarray(values, "float64")
    known = known[~np.isnan(known)]
    return float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else float("nan")


def score_text(score: Mapping[str, Any]) -> str:
    """A value with its error, or the reason why there is none.

    Args:
        score: a `Score` as a dictionary, with `None` for unknown values, as results hold it.

    Returns:
        Text, such as "0.374 ± 0.074".
    """
    if score["mean"] is None:
        return score["reason"]
    digits = _digits(score["mean"])
    error = "" if score["error"] is None else f" ± {score['error']:.{digits}f}"
    return f"{score['mean']:.{digits}f}{error}"


def difference_text(difference: float, error: float | None) -> str:
    """The size of a difference between two scores, with its error.

    Args:
        difference: number; its sign is dropped.
        error: number, or `None` if unknown.

    Returns:
        Text, such as "0.521 ± 0.380".
    """
    digits = _digits(difference)
    return f"{abs(difference):.{digits}f} ± {'unknown' if error is None else f'{error:.{digits}f}'}"


def _groups(classes: int) -> Sequence[Sequence[int] | np.ndarray]:
    if classes <= _MOST_GROUPS:
        return [[position] for position in range(classes)]
    # Groups are drawn at random, because neighbours in a sorted list of classes are alike.
    return np.array_split(np.random.default_rng(0).permutation(classes), _MOST_GROUPS)


def _digits(value: float) -> int:
    return next((digits for least, digits in ((10, 1), (0.1, 3)) if abs(value) >= least), 4)
