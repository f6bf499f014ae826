"""Direction: dot product and cosine against NumPy, and its checks."""

import numpy as np
import pytest

from maco_tf.objectives import Direction
from tests.objectives.evaluate import cosine_dot, term_scores


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_a_direction_at_every_position_and_over_the_whole_layer(power, rng):
    activation = rng.normal(size=(1, 3, 4, 2)).astype("float32")
    vector = rng.normal(size=2).astype("float32")
    expected = np.mean([cosine_dot(x, vector, power) for x in activation.reshape(-1, 2)])
    assert term_scores(Direction("a", vector, cosine_power=power), activation)[0] == pytest.approx(expected, rel=1e-4)
    whole = rng.normal(size=(3, 4, 2)).astype("float32")
    expected = cosine_dot(activation.ravel(), whole.ravel(), power)
    assert term_scores(Direction("a", whole, cosine_power=power), activation)[0] == pytest.approx(expected, rel=1e-4)


def test_numpy_numbers_are_powers():
    assert Direction("a", np.ones(3), cosine_power=np.float32(1.5)).get_config()["cosine_power"] == 1.5


@pytest.mark.parametrize("power", [-1, True, np.True_, "2", None, float("inf"), float("nan")])
def test_bad_powers(power):
    with pytest.raises(ValueError, match='"cosine_power"'):
        Direction("a", np.ones(3), cosine_power=power)


@pytest.mark.parametrize(
    "vectors", [np.zeros(3), [np.ones(2), np.ones(3)], ["a"], ["1", "2"], [True, False], 1.0, [np.nan, 1.0], []]
)
def test_bad_vectors(vectors):
    with pytest.raises(ValueError, match='"vectors"'):
        Direction("a", vectors)


def test_a_vector_of_another_shape_is_refused():
    with pytest.raises(ValueError, match='"vectors"'):
        Direction("a", np.ones(3)).check((4, 4, 2))
