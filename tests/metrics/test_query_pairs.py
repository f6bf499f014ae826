"""Query images: strong above weak, never an exemplar, seeded, and as hard as the quantiles say."""

import numpy as np
import pytest

from maco_tf.metrics import draw_pairs


@pytest.fixture
def values(rng):
    return rng.normal(size=(5, 200)).astype("float32")


def test_queries_lie_beyond_the_quantiles_and_are_drawn_once(values):
    high, low = draw_pairs(values, pairs=20, quantiles=(0.1, 0.9), seed=3)
    assert high.shape == low.shape == (5, 20)
    for row, strong, weak in zip(values, high, low, strict=True):
        ranks = np.argsort(np.argsort(row))
        assert ranks[strong].min() >= 180
        assert ranks[weak].max() < 20
        assert len({*strong, *weak}) == 40


def test_the_quantiles_set_the_difficulty(values):
    gaps = []
    for quantiles in ((0, 1), (0.2, 0.8), (0.5, 0.6)):
        high, low = draw_pairs(values, pairs=10, quantiles=quantiles)
        gaps.append(np.mean(np.take_along_axis(values, high, 1) - np.take_along_axis(values, low, 1)))
    assert gaps[0] > gaps[1] + 0.3 > gaps[2] + 0.6
    extremes = draw_pairs(values, pairs=10, quantiles=(0, 1))
    assert np.sort(extremes.high).tolist() == np.sort(np.argsort(values)[:, -10:]).tolist()
    assert np.sort(extremes.low).tolist() == np.sort(np.argsort(values)[:, :10]).tolist()


def test_indices_name_the_images_and_exemplars_are_left_out(values):
    indices = np.arange(200) * 7 + 1000
    shown = indices[np.argsort(values)[:, [-1, -2, -3, 0, 1]]]
    high, low = draw_pairs(values, pairs=15, quantiles=(0, 1), indices=indices, exclude=shown)
    for unit in range(5):
        assert not np.isin([*high[unit], *low[unit]], shown[unit]).any()
    assert np.sort(high).tolist() == np.sort(indices[np.argsort(values)[:, -18:-3]]).tolist()
    # -1 stands for no image, as in the indices of exemplars.
    same = draw_pairs(values, pairs=15, quantiles=(0, 1), indices=indices, exclude=np.c_[shown, np.full(5, -1)])
    assert np.array_equal(same, (high, low))


def test_pairs_are_a_function_of_the_unit_and_the_seed(values):
    whole = draw_pairs(values, seed=1)
    assert np.array_equal(draw_pairs(values[3:4], seed=1), np.asarray(whole)[:, 3:4])
    assert not np.array_equal(draw_pairs(values, seed=2), whole)
    # The random order does not prefer some images among the candidates.
    drawn = np.concatenate([draw_pairs(values[:1], pairs=5, seed=seed).high[0] for seed in range(200)])
    counts = np.bincount(drawn, minlength=200)
    assert np.all(counts[np.argsort(values[0])[-20:]] > 25)  # 50 +- 6


def test_units_without_differences_have_fewer_pairs(values):
    values[0] = 0  # A dead unit.
    values[1] = np.where(np.arange(200) < 7, 1, 0)  # Active on seven images.
    values[2, :150] = np.nan
    high, low = draw_pairs(values, pairs=10)
    assert np.all(high[0] == -1)
    assert np.all(low[0] == -1)
    assert sorted(high[1, :7]) == list(range(7))
    assert np.all(high[1, 7:] == -1)
    assert np.all((low[1] == -1) == (high[1] == -1))
    assert low[1, :7].min() >= 7
    assert min(high[2].min(), low[2].min()) >= 150


def test_errors_name_the_argument(values):
    with pytest.raises(ValueError, match='"values"'):
        draw_pairs(values[0])
    with pytest.raises(ValueError, match='"pairs" must leave'):
        draw_pairs(values, pairs=101)
    with pytest.raises(ValueError, match='"quantiles"'):
        draw_pairs(values, quantiles=(0.9, 0.1))
    with pytest.raises(ValueError, match='"indices"'):
        draw_pairs(values, indices=np.arange(3))
    with pytest.raises(ValueError, match='"exclude"'):
        draw_pairs(values, exclude=np.zeros((2, 3), int))
