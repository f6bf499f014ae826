"""Whether one method is better than another."""

import dataclasses

import numpy as np
import pytest

from maco_tf.benchmark import BenchmarkSettings
from maco_tf.benchmark.comparison import compare_best, ratios
from maco_tf.benchmark.descriptions import DESCRIPTIONS
from maco_tf.benchmark.score import Score


def results_of(transferability, **more):
    """Results from model -> method -> values by class; `more` holds other scores, the same for all models."""
    models, methods = list(transferability), list(next(iter(transferability.values())))
    settings = BenchmarkSettings(models, methods, ("judge",), range(len(transferability[models[0]][methods[0]])))
    cells = []
    for model in models:
        for method in methods:
            scores = {name: Score.missing("not measured") for name in DESCRIPTIONS}
            scores |= {"transferability": Score.of(transferability[model][method], 1)}
            scores |= {name: Score.of(values[method], 1) for name, values in more.items()}
            scores = {name: plain(score) for name, score in scores.items()}
            cells.append({"model": model, "method": method, "scores": scores, "median seconds": None})
    return {"settings": dataclasses.asdict(settings), "cells": cells}


def plain(score):
    fields = dataclasses.asdict(score)
    return {**fields, **{name: None for name in ("mean", "error") if np.isnan(fields[name])}}


def test_the_best_is_compared_over_the_same_classes():
    # A class is as hard for one method as for the other: their errors are large, that of the difference is small.
    a, b = [0.1, 0.5, 0.9], [0.07, 0.46, 0.88]
    (found,) = compare_best(results_of({"net": {"cbr": b, "maco": a}}))
    assert (found["model"], found["score"], found["best"], found["second"]) == ("net", "transferability", "maco", "cbr")
    assert found["difference"] == pytest.approx(0.03)
    # The differences 0.03, 0.04 and 0.02 have a standard deviation of 0.01.
    assert found["error"] == pytest.approx(0.01 / np.sqrt(3))
    assert not found["within"]


def test_a_difference_within_its_error_is_marked():
    (found,) = compare_best(results_of({"net": {"maco": [0.9, 0.1], "cbr": [0.1, 0.8]}}))
    assert found["within"]
    # With one class there is no error, so no difference is shown.
    (found,) = compare_best(results_of({"net": {"maco": [0.9], "cbr": [0.1]}}))
    assert found["error"] is None
    assert found["within"]


def test_a_difference_counts_if_its_interval_excludes_zero():
    # The differences d - 1, d, d + 1 have an error of 1 / sqrt(3). With three classes, Student's interval is 4.303
    # errors long to either side.
    for distance, within in ((2.4, True), (2.6, False)):
        values = {"maco": [distance - 1, distance, distance + 1], "cbr": [0.0, 0.0, 0.0]}
        (found,) = compare_best(results_of({"net": values}))
        assert found["error"] == pytest.approx(1 / np.sqrt(3))
        assert found["within"] is within


def test_direction_is_respected_and_unranked_scores_have_no_best():
    values = {"maco": [1.0, 2.0], "cbr": [3.0, 5.0]}
    same = {"net": {"maco": [0.5, 0.5], "cbr": [0.5, 0.5]}}
    found = compare_best(results_of(same, FID=values, robustness=values, **{"high frequencies": values}))
    # Transferability is equal for both, so neither is best.
    assert [(item["score"], item["best"]) for item in found] == [("FID", "maco")]
    assert found[0]["difference"] == pytest.approx(-2.5)


def test_ratios_by_hand_and_over_networks():
    # The values are proportional class by class, so every resample has the same ratio.
    values = {
        "one": {"maco": [0.2, 0.4, 0.3, 0.3, 0.3], "xplique": [0.1, 0.2, 0.15, 0.15, 0.15]},
        "two": {"maco": [0.6] * 5, "xplique": [0.2] * 5},
    }
    found = {(item["method"], item["model"]): item for item in ratios(results_of(values))}
    assert set(found) == {("maco", "one"), ("maco", "two"), ("maco", None)}
    for model, ratio in (("one", 2), ("two", 3)):
        assert [found["maco", model][key] for key in ("ratio", "low", "high")] == pytest.approx([ratio] * 3)
    assert found["maco", None]["ratio"] == pytest.approx((0.3 + 0.6) / (0.15 + 0.2))


def test_the_interval_of_a_ratio_covers_it_about_95_percent_of_the_time():
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        below = rng.uniform(0.1, 0.5, size=40)
        above = 2 * below * rng.uniform(0.5, 1.5, size=40)
        (found, _) = ratios(results_of({"net": {"maco": above, "xplique": below}}))
        covered += found["low"] <= 2 <= found["high"]
    assert 0.89 <= covered / 200 <= 0.99


@pytest.mark.parametrize("classes", [3, 5, 30])
def test_one_of_two_equal_methods_is_called_better_about_5_percent_of_the_time(classes):
    better, rng = 0, np.random.default_rng(classes)
    for _ in range(400):
        (found,) = compare_best(results_of({"net": {name: rng.normal(size=classes) for name in ("maco", "cbr")}}))
        better += not found["within"]
    assert 0.02 <= better / 400 <= 0.08


def test_unknown_ratios_are_none():
    assert ratios(results_of({"net": {"maco": [0.1], "cbr": [0.1]}})) == []
    nothing = ratios(results_of({"net": {"maco": [0.1, 0.2], "xplique": [0.0, 0.0]}}))
    assert all(item[key] is None for item in nothing for key in ("ratio", "low", "high"))
    # Four classes have no interval. A baseline above 0 for one class of five is 0 in a third of the resamples.
    few = ratios(results_of({"net": {"maco": [0.2] * 4, "xplique": [0.1] * 4}}))[0]
    assert (few["ratio"], few["low"]) == (pytest.approx(2), None)
    often = ratios(results_of({"net": {"maco": [0.1] * 4 + [0.2], "xplique": [0.0] * 4 + [0.1]}}))[0]
    assert often["ratio"] == pytest.approx(6)
    assert often["high"] is None
    assert 2 <= often["low"] < 6
