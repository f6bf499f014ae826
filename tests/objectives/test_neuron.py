"""Neuron: values by index and by position, and its checks."""

import numpy as np
import pytest

from maco_tf.objectives import Neuron
from tests.objectives.evaluate import term_scores

ACTIVATION = np.arange(2 * 3 * 4 * 2, dtype="float32").reshape(2, 3, 4, 2)


def test_a_neuron_by_index_and_by_position():
    np.testing.assert_allclose(term_scores(Neuron("a", [5, 23]), ACTIVATION), [5, 47])
    np.testing.assert_allclose(term_scores(Neuron("a", [(0, 2, 1), (2, 3, 1)]), ACTIVATION), [5, 47])
    assert len(Neuron("a", (0, 2, 1))) == 1


@pytest.mark.parametrize(
    ("units", "shape", "message"),
    [
        (12, (3, 4), "must lie in 0..11"),
        ((0, 0), (3, 4, 2), "3 coordinates"),
        ((0, 4, 0), (3, 4, 2), "axis 1"),
    ],
)
def test_neurons_outside_the_layer_are_refused(units, shape, message):
    with pytest.raises(ValueError, match=f'"units".*{message}'):
        Neuron("a", units).check(shape)


def test_an_index_is_not_checked_in_a_layer_of_unknown_size():
    Neuron("a", 12).check((None, 4))


@pytest.mark.parametrize("units", [[(1, 2), (1, 2, 3)], [(1, 2), 3], [()], [(1, -2)], [(1, True)], -1, "a"])
def test_units_that_are_not_neurons(units):
    with pytest.raises(ValueError, match='"units"'):
        Neuron("a", units)
