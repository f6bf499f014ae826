import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms import Choice, Normal, RandomCrop, Uniform
from maco_tf.transforms.distribution import as_range, extremes


def draw(distribution, count=4000, step=0, steps=1):
    return distribution.sample((count,), keras.random.SeedGenerator(0), step, steps).numpy()


def test_the_values_of_a_choice_are_equally_likely():
    values, counts = np.unique(draw(Choice([3, -1.5, 3, 7])), return_counts=True)
    np.testing.assert_array_equal(values, [-1.5, 3, 7])
    # Counts of 4000 draws, within five standard deviations.
    np.testing.assert_allclose(counts, [1000, 2000, 1000], atol=5 * np.sqrt(4000 / 4))


def test_two_numbers_are_a_range_and_more_are_a_choice():
    assert as_range("scales", (0.9, 1.1)) == as_range("scales", [0.9, 1.1]) == Uniform(0.9, 1.1)
    assert as_range("scales", range(3)) == as_range("scales", np.arange(3)) == Choice((0.0, 1.0, 2.0))
    assert as_range("scales", [0.5]) == Choice((0.5,))
    assert as_range("scales", 0.5) == Normal(0.5)
    changing = Uniform((0.0, 2.0), (1.0, 3.0))
    assert as_range("scales", changing) is changing
    values = draw(as_range("scales", changing), step=4, steps=5)
    assert 2 <= values.min() < 2.01
    assert 2.99 < values.max() <= 3
    np.testing.assert_array_equal(draw(as_range("scales", lambda step: 2.0 * step), 3, step=4, steps=5), [8, 8, 8])


def test_extremes():
    assert extremes(Choice([2, 5, 3])) == [(2, 5)]
    assert extremes(Uniform((0, 2), 3)) == [(0, 2), (3, 3)]
    assert extremes(Normal(lambda step: 1.0, 0.5)) == []
    with pytest.raises(ValueError, match=r'"side" must lie in \(0, 1\]'):
        RandomCrop((8, 8), side=Choice([0.5, 1.5]))


def test_parameters_become_plain_python():
    assert repr(Uniform([np.float32(0.5), 1], np.int64(2))) == "Uniform(low=(0.5, 1.0), high=2.0)"
    assert repr(Normal(1, np.float64(0.25))) == "Normal(mean=1.0, std=0.25)"


def test_any_object_with_a_sample_method_is_a_distribution():
    class Constant:
        def sample(self, shape, seed, step, steps):
            return tf.fill(shape, 0.75)

    sides = RandomCrop(8, 2, side=Constant()).draw(4)[1]
    np.testing.assert_array_equal(sides, np.full((4, 1), 0.75))


@pytest.mark.parametrize("value", ["wide", None, True, [], (1, "2", 3), (1.0, float("nan")), np.ones((2, 2))])
def test_bad_ranges(value):
    with pytest.raises(ValueError, match='"scales" must be a finite number, a pair'):
        as_range("scales", value)


def test_a_range_is_not_a_schedule():
    with pytest.raises(ValueError, match="low not above high"):
        as_range("scales", (1.1, 0.9))


@pytest.mark.parametrize("values", [[], 3, ["a"], [float("inf"), 1]])
def test_bad_choices(values):
    with pytest.raises(ValueError, match='"values" must be a sequence of finite numbers'):
        Choice(values)


def test_a_choice_draws_new_values_in_a_graph():
    generator = keras.random.SeedGenerator(0)
    compiled = tf.function(lambda: Choice(range(1000)).sample((4,), generator, 0, 1), autograph=False)
    assert not np.array_equal(compiled(), compiled())
