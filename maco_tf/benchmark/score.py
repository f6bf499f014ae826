"""A score with its error over classes."""

import dataclasses

import numpy as np

# A score of a set is computed again without each class; from this many on, without each of so many groups of classes,
# as FID of hundreds of images takes seconds.
_MOST_GROUPS = 50


@dataclasses.dataclass(frozen=True)
class Score:
    """A value and how sure it is.

    Attributes:
        mean: over classes and seeds, or the value of the set as a whole; NaN where there is none.
        error: standard error over classes, all seeds of a class together; NaN for one class, and for two where the
            score is of the set.
        count: number of images.
        by_class: what each class has to say, in the order of the classes: its mean, or its jackknife pseudo-value
            where the score is of the set (then of each group of classes, where they are many). `error` is their
            standard error, and that of the difference of two methods is the standard error of their differences.
        reason: why there is no value; `None` where there is one.
    """

    mean: float
    error: float
    count: int
    by_class: tuple = ()
    reason: str | None = None

    @classmethod
    def of(cls, values, seeds):
        """From one value an image.

        Args:
            values: numbers, the seeds of a class side by side; NaN is left out.
            seeds: images a class.
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
    def of_set(cls, value_of, classes, count):
        """From a function of the set as a whole, by the jackknife over classes (Tukey, 1958).

        Not by the bootstrap: its samples hold classes twice, and duplicates move FID, KID and diversity, all made of
        spreads or pairs, by about their error (features of photographs and of their ruins, 30 of 100 classes: FID's
        error was 11.6 over draws, 13.2 by the jackknife, and 14.5 by a bootstrap around a value 7 too high; KID's .012,
        .014, and .016 around a value .013 too high), while a set without one class is a set as any other.

        Args:
            value_of: function of an increasing array of positions of classes -> float.
            classes: number of classes.
            count: number of images.
        """
        whole = float(value_of(np.arange(classes)))
        if classes < 3:
            # Without one of two, a set would have no spread.
            return cls(whole, float("nan"), count)
        groups = _groups(classes)
        without = np.array([value_of(np.setdiff1d(np.arange(classes), group)) for group in groups])
        # By each group's own share (Busing, Meijer and van der Leeden, 1999): groups may differ by a class.
        shares = classes / np.array([len(group) for group in groups])
        pseudo = shares * whole - (shares - 1) * without
        return cls(whole, standard_error(pseudo), count, tuple(pseudo.tolist()))

    @classmethod
    def missing(cls, reason):
        """No value.

        Args:
            reason: a few plain words for the table.
        """
        return cls(float("nan"), float("nan"), 0, (), reason)


def standard_error(values):
    """Of the mean of independent values; NaN among them are left out.

    Args:
        values: array (count,).

    Returns:
        float; NaN for fewer than two values.
    """
    values = np.asarray(values, "float64")
    values = values[~np.isnan(values)]
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _groups(classes):
    if classes <= _MOST_GROUPS:
        return [[position] for position in range(classes)]
    # By chance: neighbours in a sorted list of classes are alike.
    return np.array_split(np.random.default_rng(0).permutation(classes), _MOST_GROUPS)


def score_text(score):
    """A value with its error, or the reason why there is none.

    Args:
        score: dictionary of a `Score`, as results hold it: `None` for what is not known.

    Returns:
        Text, such as "0.374 ± 0.074".
    """
    if score["mean"] is None:
        return score["reason"]
    digits = _digits(score["mean"])
    error = "" if score["error"] is None else f" ± {score['error']:.{digits}f}"
    return f"{score['mean']:.{digits}f}{error}"


def difference_text(difference, error):
    """The distance of two scores with its error.

    Args:
        difference: number, whose sign is left out.
        error: number, or `None`.
    """
    digits = _digits(difference)
    return f"{abs(difference):.{digits}f} ± {'unknown' if error is None else f'{error:.{digits}f}'}"


def _digits(value):
    return next((digits for least, digits in ((10, 1), (0.1, 3)) if abs(value) >= least), 4)
