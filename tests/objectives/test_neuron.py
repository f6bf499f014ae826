"""Neuron: values at the centre, at a position and by index, and its checks."""

import json

import numpy as np
import pytest

from maco_tf.objectives import Neuron
from tests.objectives.evaluate import restored, term_scores

ACTIVATION = np.arange(2 * 3 * 4 * 2, dtype="float32").reshape(2, 3, 4, 2)


def test_a_neuron_by_index_and_by_position():
    np.testing.assert_allclose(term_scores(Neuron("a", [5, 23], position="flat"), ACTIVATION), [5, 47])
    np.testing.assert_allclose(term_scores(Neuron("a", [(0, 2, 1), (2, 3, 1)]), ACTIVATION), [5, 47])
    np.testing.assert_allclose(term_scores(Neuron("a", 1, position=[(0, 2), (2, 3)]), ACTIVATION), [5, 47])
    assert len(Neuron("a", (0, 2, 1))) == 1


def test_a_channel_is_read_at_the_centre():
    # Row 1 of 3, column 2 of 4: the second of the two in the middle.
    np.testing.assert_array_equal(term_scores(Neuron("a", [0, 1]), ACTIVATION), [ACTIVATION[0, 1, 2, 0], 24 + 13])
    assert Neuron("a", [0, 1]).names == ["a[centre,0]", "a[centre,1]"]
    assert Neuron("a", 1, position=(0, 2)).names == Neuron("a", (0, 2, 1)).names == ["a[0,2,1]"]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((4,), 3),  # A layer without positions: the unit.
        ((9, 2), 9),  # 3 x 3 patches: patch 4.
        ((10, 2), 11),  # The same after a class token.
        ((2, 3, 4, 2), (1 * 12 + 1 * 4 + 2) * 2 + 1),  # Volumes.
        ((1, 1, 2), 1),
    ],
)
def test_the_centre_of_layers_of_other_shapes(shape, expected):
    activation = np.arange(np.prod(shape), dtype="float32").reshape(1, *shape)
    unit = 3 if len(shape) == 1 else 1
    Neuron("a", unit).check(shape)
    assert term_scores(Neuron("a", unit), activation) == [expected]


def test_a_model_with_one_value_for_each_image():
    Neuron("a", 0).check(())
    assert term_scores(Neuron("a", [0, 0]), np.array([2.0, 3.0])).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("term", "shape", "message"),
    [
        (Neuron("a", 12, position="flat"), (3, 4), r'"units".*must lie in 0\.\.11'),
        (Neuron("a", (0, 0)), (3, 4, 2), '"units".*3 coordinates'),
        (Neuron("a", (0, 4, 0)), (3, 4, 2), '"units".*axis 1'),
        (Neuron("a", 0, position=(0, 4)), (3, 4, 2), r'"position" must lie inside.*3 x 4.*\(0, 4\)'),
        (Neuron("a", 2, position=(0, 3)), (3, 4, 2), r'"units" must lie in 0\.\.1'),
        (Neuron("a", 0, position=(0, 4)), (4,), '"position" must belong to a layer with a map'),
        (Neuron("a", 0, position=(0, 3)), (9, 2), '"position" must lie inside.*3 x 3'),
        (Neuron("a", 2), (3, 4, 2), r'"units" must lie in 0\.\.1.*position="flat"'),
        (Neuron("a", 4), (4,), r'"units" must lie in 0\.\.3'),
        (Neuron("a", 1), (), r'"units" must lie in 0\.\.0'),
        (Neuron("a", 0), (261, 2), r'"units".*261 tokens.*\(token, feature\)'),
    ],
)
def test_neurons_outside_the_layer_are_refused(term, shape, message):
    with pytest.raises(ValueError, match=message):
        term.check(shape)


def test_an_index_is_not_checked_in_a_layer_of_unknown_size():
    Neuron("a", 12, position="flat").check((None, 4))


@pytest.mark.parametrize("units", [[(1, 2), (1, 2, 3)], [(1, 2), 3], [()], [(1, -2)], [(1, True)], -1, "a"])
def test_units_that_are_not_neurons(units):
    with pytest.raises(ValueError, match='"units"'):
        Neuron("a", units)


@pytest.mark.parametrize("position", ["middle", (1,), (1, -1), (1, True), 3, None, (1, 2, 3), [], [(1, 2), 3]])
def test_bad_positions(position):
    with pytest.raises(ValueError, match=r'"position" must be .*centre.*flat'):
        Neuron("a", 1, position=position)


def test_positions_must_fit_the_units():
    with pytest.raises(ValueError, match='"position" must be left out'):
        Neuron("a", (1, 2, 3), position=(1, 2))
    with pytest.raises(ValueError, match='"position" must be one position'):
        Neuron("a", [1, 2, 3], position=[(1, 2), (3, 4)])


@pytest.mark.parametrize(
    "term",
    [
        Neuron("a", [0, 1]),
        Neuron("a", [5, 23], position="flat"),
        Neuron("a", [0, 1], position=(2, 3)),
        Neuron("a", [(0, 2, 1), (2, 3, 1)]),
    ],
    ids=str,
)
def test_storing_keeps_the_position(term):
    copy = restored(term)
    np.testing.assert_array_equal(term_scores(copy, ACTIVATION), term_scores(term, ACTIVATION))
    assert copy.names == term.names
    assert copy.structure() == term.structure()
    copy.check((3, 4, 2))
    json.dumps(term.get_config())


def test_files_from_before_the_centre_hold_flat_indices():
    old = Neuron.from_config({"layer": "a", "units": [5, 23], "names": ["a[5]", "a[23]"]})
    np.testing.assert_allclose(term_scores(old, ACTIVATION), [5, 47])
