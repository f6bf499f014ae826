"""Scores with their errors over classes, and as text."""

import math

import numpy as np
import pytest

from maco_tf.benchmark.score import Score, difference_text, score_text
from maco_tf.metrics import kid


def test_seeds_are_averaged_within_a_class_first():
    # The means of the classes are 1 and 4: mean 2.5, standard deviation 3 / sqrt(2), error over two classes 1.5.
    score = Score.of([0, 2, 3, 5], seeds=2)
    assert (score.mean, score.error, score.count) == (2.5, pytest.approx(1.5), 4)
    assert score.by_class == (1, 4)
    assert math.isnan(Score.of([1.0], seeds=1).error)
    # An image that could not be measured is left out.
    partly = Score.of([0, math.nan, 3, 5, math.nan, math.nan], seeds=2)
    assert (partly.mean, partly.error, partly.count) == (2.0, 2.0, 3)
    np.testing.assert_array_equal(partly.by_class, [0, 4, math.nan])
    nothing = Score.of([math.nan], seeds=1)
    assert nothing.count == 0
    assert nothing.reason == "no image can be measured"


def test_the_jackknife_of_a_mean_is_the_standard_error(rng):
    values = rng.normal(size=9)
    jackknife, plain = Score.of_set(lambda chosen: values[chosen].mean(), 9, 9), Score.of(values, 1)
    assert jackknife.mean == pytest.approx(plain.mean)
    assert jackknife.error == pytest.approx(plain.error)
    np.testing.assert_allclose(jackknife.by_class, plain.by_class)


def test_the_jackknife_matches_its_formula(rng):
    rows = rng.normal(size=(6, 4))
    real = rng.normal(size=(12, 4))
    score = Score.of_set(lambda chosen: kid(rows[chosen], real), 6, 6)
    without = np.array([kid(np.delete(rows, row, axis=0), real) for row in range(6)])
    assert score.mean == kid(rows, real)
    assert score.error == pytest.approx(np.sqrt(5 / 6 * np.sum((without - without.mean()) ** 2)))


def test_the_error_matches_the_spread_over_repeated_draws():
    # The square of a mean over 40 classes has a standard deviation of 2 |mean| / sqrt(40).
    found, values = [], []
    for seed in range(200):
        rows = 1 + np.random.default_rng(seed).normal(size=40)
        score = Score.of_set(lambda chosen, rows=rows: rows[chosen].mean() ** 2, 40, 40)
        found.append(score.error)
        values.append(score.mean)
    assert np.mean(found) == pytest.approx(2 / np.sqrt(40), rel=0.05)
    assert np.mean(found) == pytest.approx(np.std(values), rel=0.15)


def test_many_classes_are_left_out_in_groups():
    rows, calls = np.random.default_rng(0).normal(size=400), []

    def value_of(chosen):
        calls.append(len(chosen))
        return rows[chosen].mean()

    score = Score.of_set(value_of, 400, 400)
    assert calls == [400] + [392] * 50
    assert len(score.by_class) == 50
    assert score.error == pytest.approx(Score.of(rows, 1).error, rel=0.25)


def test_groups_of_unequal_size_do_not_widen_the_error_of_a_biased_score():
    # Like FID, the score has a bias in proportion to 1 / classes, which changes with the size of the group left out.
    rows = np.random.default_rng(0).normal(size=75)
    score = Score.of_set(lambda chosen: rows[chosen].mean() + 100 / len(chosen), 75, 75)
    alone = Score.of_set(lambda chosen: rows[chosen].mean(), 75, 75)
    assert {len(score.by_class), len(alone.by_class)} == {50}
    assert score.error == pytest.approx(alone.error, rel=0.02)


def test_a_set_of_two_classes_has_no_error():
    score = Score.of_set(lambda chosen: float(len(chosen)), 2, 2)
    assert score.mean == 2
    assert math.isnan(score.error)
    assert score.by_class == ()


@pytest.mark.parametrize(
    ("mean", "error", "text"),
    [
        (45.04, 15.0, "45.0 ± 15.0"),
        (0.3741, 0.0744, "0.374 ± 0.074"),
        (-0.0142, 0.0061, "-0.0142 ± 0.0061"),
        (2.0, None, "2.000"),
    ],
)
def test_text_has_as_many_digits_as_the_size_of_the_value_needs(mean, error, text):
    assert score_text({"mean": mean, "error": error, "reason": None}) == text


def test_text_of_missing_scores_and_of_differences():
    assert score_text({"mean": None, "error": None, "reason": "lost"}) == "lost"
    assert difference_text(-0.5211, 0.38) == "0.521 ± 0.380"
    assert difference_text(12.34, None) == "12.3 ± unknown"
