"""What the report says of two methods."""

import dataclasses

import numpy as np
import pytest

from maco_tf.benchmark import BenchmarkSettings
from maco_tf.benchmark.comparison import compare_best, ratios
from maco_tf.benchmark.descriptions import DESCRIPTIONS
from maco_tf.benchmark.score import Score


def results_of(transferability, **more):
    """Results of model -> method -> values a class; other scores the same for all, or as given."""
    models, methods = list(transferability), list(next(iter(transferability.values())))
    settings = BenchmarkSettings(models, methods, ("judge",), range(len(transferability[models[0]][methods[0]])))
    cells = []
    for model in models:
        for method in methods:
            scores = {name: Score.missing("not now") for name in DESCRIPTIONS}
            scores |= {"transferability": Score.of(transferability[model][method], 1)}
            scores |= {name: Score.of(values[method], 1) for name, values in more.items()}
            scores = {name: plain(score) for name, score in scores.items()}
            cells.append({"model": model, "method": method, "scores": scores, "median seconds": None})
    return {"settings": dataclasses.asdict(settings), "cells": cells}


def plain(score):
    fields = dataclasses.asdict(score)
    return {**fields, **{name: None for name in ("mean", "error") if np.isnan(fields[name])}}


def test_the_best_is_compared_over_the_same_classes():
    # Each class is as hard for both: the methods' errors are large, that of their difference is small.
    a, b = [0.1, 0.5, 0.9], [0.07, 0.46, 0.88]
    (found,) = compare_best(results_of({"net": {"cbr": b, "maco": a}}))
    assert (found["model"], found["score"], found["best"], found["second"]) == ("net", "transferability", "maco", "cbr")
    assert found["difference"] == pytest.approx(0.03)
    # Differences .03, .04, .02: standard deviation .01.
    assert found["error"] == pytest.approx(0.01 / np.sqrt(3))
    assert not found["within"]


def test_a_difference_within_its_error_is_told():
    (found,) = compare_best(results_of({"net": {"maco": [0.9, 0.1], "cbr": [0.1, 0.8]}}))
    assert found["within"]
    # One class: no error, and nothing shown.
    (found,) = compare_best(results_of({"net": {"maco": [0.9], "cbr": [0.1]}}))
    assert found["error"] is None
    assert found["within"]


def test_the_interval_of_the_difference_must_be_left():
    # Differences d - 1, d, d + 1: error 1 / sqrt(3), of which Student's interval reaches 4.303 with three classes.
    for distance, within in ((2.4, True), (2.6, False)):
        values = {"maco": [distance - 1, distance, distance + 1], "cbr": [0.0, 0.0, 0.0]}
        (found,) = compare_best(results_of({"net": values}))
        assert found["error"] == pytest.approx(1 / np.sqrt(3))
        assert found["within"] is within


def test_lower_is_better_where_it_is_and_unranked_scores_have_no_best():
    values = {"maco": [1.0, 2.0], "cbr": [3.0, 5.0]}
    same = {"net": {"maco": [0.5, 0.5], "cbr": [0.5, 0.5]}}
    found = compare_best(results_of(same, FID=values, robustness=values, **{"high frequencies": values}))
    # Equal in transferability: none is best.
    assert [(item["score"], item["best"]) for item in found] == [("FID", "maco")]
    assert found[0]["difference"] == pytest.approx(-2.5)


def test_ratios_by_hand_and_over_networks():
    # Proportional class by class: every resample has the same ratio.
    values = {
        "one": {"maco": [0.2, 0.4, 0.3, 0.3, 0.3], "xplique": [0.1, 0.2, 0.15, 0.15, 0.15]},
        "two": {"maco": [0.6] * 5, "xplique": [0.2] * 5},
    }
    found = {(item["method"], item["model"]): item for item in ratios(results_of(values))}
    assert set(found) == {("maco", "one"), ("maco", "two"), ("maco", None)}
    for model, ratio in (("one", 2), ("two", 3)):
        assert [found["maco", model][key] for key in ("ratio", "low", "high")] == pytest.approx([ratio] * 3)
    assert found["maco", None]["ratio"] == pytest.approx((0.3 + 0.6) / (0.15 + 0.2))


def test_the_interval_of_a_ratio_covers_it_as_often_as_it_says():
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        below = rng.uniform(0.1, 0.5, size=40)
        above = 2 * below * rng.uniform(0.5, 1.5, size=40)
        (found, _) = ratios(results_of({"net": {"maco": above, "xplique": below}}))
        covered += found["low"] <= 2 <= found["high"]
    assert 0.89 <= covered / 200 <= 0.99


@pytest.mark.parametrize("classes", [3, 5, 30])
def test_of_equal_methods_one_is_called_better_as_rarely_as_it_says(classes):
    better, rng = 0, np.random.default_rng(classes)
    for _ in range(400):
        (found,) = compare_best(results_of({"net": {name: rng.normal(size=classes) for name in ("maco", "cbr")}}))
        better += not found["within"]
    assert 0.02 <= better / 400 <= 0.08


def test_ratios_that_cannot_be_had():
    assert ratios(results_of({"net": {"maco": [0.1], "cbr": [0.1]}})) == []
    nothing = ratios(results_of({"net": {"maco": [0.1, 0.2], "xplique": [0.0, 0.0]}}))
    assert all(item[key] is None for item in nothing for key in ("ratio", "low", "high"))
    # Few classes have no interval; a baseline that one class of five has is 0 in a third of the resamples.
    few = ratios(results_of({"net": {"maco": [0.2] * 4, "xplique": [0.1] * 4}}))[0]
    assert (few["ratio"], few["low"]) == (pytest.approx(2), None)
    often = ratios(results_of({"net": {"maco": [0.1] * 4 + [0.2], "xplique": [0.0] * 4 + [0.1]}}))[0]
    assert often["ratio"] == pytest.approx(6)
    assert often["high"] is None
    assert 2 <= often["low"] < 6
