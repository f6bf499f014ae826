"""Whether one method is better than another, from results."""

import math

import numpy as np
import scipy.stats

from maco_tf.benchmark.descriptions import DESCRIPTIONS
from maco_tf.benchmark.score import standard_error

# How sure a difference must be to be taken for one.
_CONFIDENCE = 0.95

# Enough for the ends of an interval of 95 % to two digits, and done in milliseconds.
_RESAMPLES = 2000

# Of four classes there are 35 different resamples, of five 126.
_FEWEST_RESAMPLED = 5


def cell_of(results, model, method):
    """The cell of a model and a method.

    Args:
        results: dictionary of `run_benchmark`.
        model: name.
        method: name.
    """
    return next(cell for cell in results["cells"] if (cell["model"], cell["method"]) == (model, method))


def compare_best(results):
    """The best of each model's methods and how far it is from the second, for each score that ranks them.

    Args:
        results: dictionary of `run_benchmark`, with "settings" and "cells".

    Returns:
        List of dictionaries: "model", "score", "best", "second", "difference" of their means, its standard "error" over
        the same classes (`None` where there is none), and "within": whether 0 lies within its interval of 95 % by
        Student's t, or it has none. Equal scores, or fewer than two, have no best.
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
            difference, (error, reach) = first["mean"] - second["mean"], _error_of_difference(first, second)
            found.append(
                {
                    "model": model,
                    "score": name,
                    "best": order[0],
                    "second": order[1],
                    "difference": difference,
                    "error": None if math.isnan(error) else error,
                    "within": not abs(difference) > reach,
                }
            )
    return found


def ratios(results, *, baseline="xplique", seed=0):
    """Mean target probability by the judges of each method, over that of a baseline.

    Args:
        results: see `compare_best`.
        baseline: method in the denominator.
        seed: integer, of the resamples.

    Returns:
        List of dictionaries: "method", "model" (`None` for the mean over the models), "ratio", and "low" and "high",
        the ends of the 95 % interval of the bootstrap over classes, all seeds of a class together, the same classes for
        both methods and all models; `None` of fewer than five classes, which have few resamples, or where the
        baseline's mean is 0, if only in so many resamples that an end is not known. Empty without the baseline.
    """
    if baseline not in _methods(results):
        return []
    models = results["settings"]["models"]
    means = {
        method: np.array(
            [cell_of(results, model, method)["scores"]["transferability"]["by_class"] for model in models], "float64"
        )
        for method in _methods(results)
    }
    classes = means[baseline].shape[1]
    samples = np.random.default_rng(seed).integers(classes, size=(_RESAMPLES, classes))
    found = []
    for method in (name for name in means if name != baseline):
        for model, chosen in [*zip(models, range(len(models))), (None, slice(None))]:
            above, below = (np.atleast_2d(means[name][chosen]).mean(axis=0) for name in (method, baseline))
            ratio = float(above.mean() / below.mean()) if below.sum() > 0 else None
            low = high = None
            if ratio is not None and classes >= _FEWEST_RESAMPLED:
                with np.errstate(divide="ignore", invalid="ignore"):
                    drawn = above[samples].mean(axis=1) / below[samples].mean(axis=1)
                    low, high = (_finite(end) for end in np.quantile(drawn, (0.025, 0.975)))
            found.append({"method": method, "model": model, "ratio": ratio, "low": low, "high": high})
    return found


def _methods(results):
    return list(results["settings"]["methods"])


def _error_of_difference(first, second):
    """The standard error, and half the length of the interval: of few classes it is many errors long."""
    values = [np.array(score["by_class"], "float64") for score in (first, second)]
    if len(values[0]) != len(values[1]):
        return float("nan"), float("nan")
    differences = values[0] - values[1]
    error, known = standard_error(differences), int(np.sum(~np.isnan(differences)))
    return error, error * float(scipy.stats.t.ppf((1 + _CONFIDENCE) / 2, max(known - 1, 1)))


def _finite(value):
    return float(value) if np.isfinite(value) else None
