"""The two-alternative test: hand values, and observers who know everything, nothing, and the opposite."""

import keras
import numpy as np
import pytest

from maco_tf.metrics import CHANCE, FeatureExtractor, TwoAlternative, two_alternative, two_alternative_images

X, Y, MINUS_X = [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]


@pytest.fixture
def planted(rng):
    """Eight units, each with a direction of its own: (high, low, positive, negative)."""
    directions = np.linalg.qr(rng.normal(size=(16, 16)))[0]

    def around(centres, count):
        return centres[:, None] + 0.1 * rng.normal(size=(8, count, 16))

    return around(directions[:8], 20), around(directions[8:], 20), around(directions[:8], 9), around(directions[8:], 9)


def test_margins_by_hand():
    found = two_alternative([[X, Y]], [[Y, X]], [[[3.0, 0.0]]])
    assert found.margins == pytest.approx(np.array([[1, -1]]))
    assert found.accuracy == pytest.approx([0.5])
    # Two explanations: cosines 1 and 0 to the strong query, -1 and 0 to the weak one.
    assert two_alternative([[X]], [[MINUS_X]], [[X, Y]]).margins == pytest.approx(np.array([[1]]))
    # The negative explanation is like the weak query: (1 - 0) - (0 - 1).
    assert two_alternative([[X]], [[Y]], [[X]], [[Y]]).margins == pytest.approx(np.array([[2]]))
    # The scale of an embedding does not matter.
    assert two_alternative([[[9.0, 0.0]]], [[Y]], [[X, [0.0, 5.0]]]).margins == pytest.approx(np.array([[0]]))


def test_margins_are_the_paper_s_differences_of_mean_similarities(planted):
    high, low, positive, negative = (rows / np.linalg.norm(rows, axis=-1, keepdims=True) for rows in planted)
    expected = np.empty((8, 20))
    for unit in range(8):
        for pair in range(20):
            strong = (positive[unit] @ high[unit, pair]).mean() - (negative[unit] @ high[unit, pair]).mean()
            weak = (positive[unit] @ low[unit, pair]).mean() - (negative[unit] @ low[unit, pair]).mean()
            expected[unit, pair] = strong - weak
    found = two_alternative(*planted)
    assert found.margins == pytest.approx(expected, rel=1e-10)
    assert found.margin == pytest.approx(expected.mean(1))
    assert found.confidence(3.0) == pytest.approx((1 / (1 + np.exp(-3 * expected))).mean(1))


def test_a_perfect_observer_is_always_right_and_a_swapped_one_never(planted):
    high, low, positive, negative = planted
    assert two_alternative(high, low, positive).accuracy.tolist() == [1] * 8
    assert two_alternative(high, low, positive, negative).mean == (1, 0)
    assert two_alternative(low, high, positive).accuracy.tolist() == [0] * 8
    assert two_alternative(high, low, negative).accuracy.tolist() == [0] * 8


def test_explanations_without_information_are_at_chance(planted, rng):
    high, low = planted[:2]
    random = [two_alternative(high, low, rng.normal(size=(8, 3, 16))).mean[0] for _ in range(40)]
    assert np.mean(random) == pytest.approx(CHANCE, abs=4 * np.std(random) / np.sqrt(40))
    queries = rng.normal(size=(2, 400, 20, 16))
    mean, error = two_alternative(*queries, rng.normal(size=(400, 9, 16))).mean
    assert mean == pytest.approx(CHANCE, abs=4 * error)
    # 20 pairs that share their references: not below the error of independent answers.
    assert 0.5 / np.sqrt(400 * 20) * 0.9 < error < 0.02


def test_the_explanations_of_another_unit_do_not_help(planted):
    high, low, positive, _ = planted
    found, control = two_alternative(high, low, positive), two_alternative(high, low, np.roll(positive, 1, axis=0))
    assert control.mean[0] < 0.75
    difference, error = found.difference(control)
    assert difference == pytest.approx(1 - control.mean[0])
    assert error == pytest.approx(np.std(control.accuracy, ddof=1) / np.sqrt(8))


def test_ties_are_half_right():
    found = two_alternative([[X, X, X, X]], [[X, X, X, Y]], [[Y, [0.6, 0.8]]])
    assert found.accuracy == pytest.approx([(3 * 0.5 + 0) / 4])


def test_errors_by_hand():
    # 3 of 4 right: the deviation of Beta(4, 2) is sqrt(8 / (36 * 7)). Of 4 of 4: Beta(5, 1).
    found = TwoAlternative(np.array([[1, 1, 1, -1.0], [1, 1, 1, 1], [1, np.nan, np.nan, np.nan], [np.nan] * 4]))
    assert found.pairs.tolist() == [4, 4, 1, 0]
    assert found.accuracy[:3] == pytest.approx([0.75, 1, 1])
    assert found.error[:3] == pytest.approx([np.sqrt(8 / 36 / 7), np.sqrt(5 / 36 / 7), np.sqrt(2 / 9 / 4)])
    assert np.isnan([found.accuracy[3], found.error[3], found.margin[3], found.confidence(1)[3]]).all()
    assert found.mean == pytest.approx((2.75 / 3, np.std([0.75, 1, 1], ddof=1) / np.sqrt(3)))
    many = TwoAlternative(np.where(np.arange(10_000) < 8000, 1.0, -1.0)[None])
    assert many.error == pytest.approx([0.004], rel=1e-3)


def test_missing_references_and_pairs_do_not_count(planted):
    high, low, positive, negative = (rows.copy() for rows in planted)
    expected = two_alternative(high[:, :15], low[:, :15], positive[:, :4], negative[:, :2])
    high[:, 15:], low[:, 15:], positive[:, 4:], negative[:, 2:] = np.nan, np.nan, np.nan, np.nan
    found = two_alternative(high, low, positive, negative)
    assert found.margins[:, :15] == pytest.approx(expected.margins, rel=1e-10)
    assert found.pairs.tolist() == [15] * 8
    positive[0] = np.nan
    assert np.isnan(two_alternative(high, low, positive).accuracy).tolist() == [True] + [False] * 7


def test_images_are_embedded_by_an_extractor():
    """The mean colour as an embedding: red explains a unit that responds to red."""
    extractor = FeatureExtractor(
        keras.Sequential([keras.Input((4, 4, 3)), keras.layers.GlobalAveragePooling2D(name="mean")]),
        "mean",
        preprocessing=None,
    )
    red, green = np.zeros((2, 1, 3, 4, 4, 3), "float32")
    red[..., 0] = green[..., 1] = 0.8
    large = np.repeat(np.repeat(red[:, :1], 2, axis=2), 2, axis=3)
    assert two_alternative_images(extractor, red, green, large, verbose=0).margins == pytest.approx(np.ones((1, 3)))
    swapped = two_alternative_images(extractor, green, red, large, green, verbose=0)
    assert swapped.margins == pytest.approx(np.full((1, 3), -2))
    with pytest.raises(ValueError, match='"low" must be an array'):
        two_alternative_images(extractor, red, green[0], large, verbose=0)


def test_errors_name_the_argument(planted):
    high, low, positive, negative = planted
    with pytest.raises(ValueError, match='"low" must have'):
        two_alternative(high, low[:, :3], positive)
    with pytest.raises(ValueError, match='"positive" must have'):
        two_alternative(high, low, positive[:3])
    with pytest.raises(ValueError, match='"negative" must have'):
        two_alternative(high, low, positive, negative[..., :3])
    with pytest.raises(ValueError, match='"sharpness"'):
        two_alternative(high, low, positive).confidence(0)
    with pytest.raises(ValueError, match='"other"'):
        two_alternative(high, low, positive).difference(two_alternative(high[:3], low[:3], positive[:3]))
