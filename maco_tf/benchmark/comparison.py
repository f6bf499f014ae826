"""Whether one method is better than another, from the results of a benchmark."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import scipy.stats

from maco_tf.benchmark.descriptions import DESCRIPTIONS
from maco_tf.benchmark.score import standard_error

# The content of `results.json`; see `run_benchmark`.
Results: TypeAlias = Mapping[str, Any]

# The confidence with which a difference must differ from 0.
_CONFIDENCE = 0.95

# Enough for two digits of the ends of a 95% interval, within milliseconds.
_RESAMPLES = 2000

# Four classes have only 35 different resamples; five have 126.
_FEWEST_RESAMPLED = 5


def cell_of(results: Results, model: str, method: str) -> dict[str, Any]:
    """The cell of a model and a method.

    Args:
        results: dictionary; see `run_benchmark`.
        model: name.
        method: name.
    """
    return next(cell for cell in results["cells"] if (cell["model"], cell["method"]) == (model, method))


def compare_best(results: Results) -> list[dict[str, Any]]:
    """The best method for each model and each ranked score, and its lead over the second.

    Args:
        results: dictionary; see `run_benchmark`. Only "settings" and "cells" are needed.

    Returns:
        List of dictionaries: "model", "score", "best", "second", "difference" of their means, its standard "error" over
        the same classes (`None` if there is none), and "within": whether the 95% interval of the difference, by
        Student's t, contains 0 or does not exist. Scores with fewer than two values, or whose two best values are
        equal, are left out.
    """
    found = []
    for model in results["settings"]["models"]:
        for name, description in DESCRIPTIONS.items():
            if not description.ranked or description.higher is None:
                continue
            scores = {method: cell_of(results, model, method)["scores"].get(name) for method in _methods(results)}
            scores = {method: score for method, score in scores.items() if score and score["mean"] is not None}
            order = sorted(scores, key=lambda method: scores[method]["mean"], reverse=description.higher)
            if len(order) < 2 or scores[order[0]]["mean"] == scores[order[1]]["mean"]:
                continue
            first, second = (scores[method] for method in order[:2])
            difference = first["mean"] - second["mean"]
            error, half_interval = _error_of_difference(first, second)
            found.append(
                {
                    "model": model,
                    "score": name,
                    "best": order[0],
                    "second": order[1],
                    "difference": difference,
                    "error": None if math.isnan(error) else error,
                    # Also true if the interval is NaN.
                    "within": not abs(difference) > half_interval,
                }
            )
    return found


def ratios(results: Results, *, baseline: str = "xplique", seed: int = 0) -> list[dict[str, Any]]:
    """Each method's mean target probability by the judges, divided by that of a baseline.

    The interval is the 95% interval of a bootstrap over classes. A resample keeps all seeds of a class together, and
    uses the same classes for both methods and all models.

    Args:
        results: see `compare_best`.
        baseline: the method in the denominator. A method that some network does not allow is left out.
        seed: integer; determines the resamples.

    Returns:
        List of dictionaries: "method", "model" (`None` for the mean over the models), "ratio", and the ends of the
        interval, "low" and "high". Both ends are `None` for fewer than five classes, which have few different
        resamples. A value is also `None` if the baseline's mean is 0, in the data or in so many resamples that the end
        is unknown. The list is empty if the baseline was not run.
    """
    if baseline not in _methods(results):
        return []
    models = results["settings"]["models"]
    values = {
        method: [cell_of(results, model, method)["scores"]["transferability"]["by_class"] for model in models]
        for method in _methods(results)
    }
    means = {method: np.array(rows, "float64") for method, rows in values.items() if all(rows)}
    if baseline not in means:
        return []
    classes = means[baseline].shape[1]
    samples = np.random.default_rng(seed).integers(classes, size=(_RESAMPLES, classes))
    rows_of: list[tuple[str | None, int | slice]] = [*zip(models, range(len(models))), (None, slice(None))]
    found = []
    for method in (name for name in means if name != baseline):
        for model, rows in rows_of:
            above, below = (np.atleast_2d(means[name][rows]).mean(axis=0) for name in (method, baseline))
            ratio = float(above.mean() / below.mean()) if below.sum() > 0 else None
            low = high = None
            if ratio is not None and classes >= _FEWEST_RESAMPLED:
                with np.errstate(divide="ignore", invalid="ignore"):
                    drawn = above[samples].mean(axis=1) / below[samples].mean(axis=1)
                    low, high = (_finite(end) for end in np.quantile(drawn, (0.025, 0.975)))
            found.append({"method": method, "model": model, "ratio": ratio, "low": low, "high": high})
    return found


def _methods(results: Results) -> Sequence[str]:
    return list(results["settings"]["methods"])


def _error_of_difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[float, float]:
    """The standard error and half of the interval's length; with few classes, the latter is many standard errors."""
    values = [np.array(score["by_class"], "float64") for score in (first, second)]
    if len(values[0]) != len(values[1]):
        return float("nan"), float("nan")
    differences = values[0] - values[1]
    error, known = standard_error(differences), int(np.sum(~np.isnan(differences)))
    return error, error * float(scipy.stats.t.ppf((1 + _CONFIDENCE) / 2, max(known - 1, 1)))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
