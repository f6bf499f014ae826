"""Direction: dot product and cosine against NumPy, at positions and in windows, and its checks."""

import json

import numpy as np
import pytest

from maco_tf.objectives import Direction
from tests.objectives.evaluate import cosine_dot, restored, term_scores


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


@pytest.mark.parametrize("power", [0.0, 2.0])
@pytest.mark.parametrize(
    ("position", "window", "rows", "columns"),
    [
        ("centre", None, slice(2, 3), slice(3, 4)),  # Of 5 rows and 6 columns: the second of the two in the middle.
        ((0, 5), None, slice(0, 1), slice(5, 6)),
        ("centre", 3, slice(1, 4), slice(2, 5)),
        (None, (2, 4), slice(1, 3), slice(1, 5)),
        ((3, 2), (2, 1), slice(2, 4), slice(2, 3)),
        (np.array([3, 2]), (3, 5), slice(2, 5), slice(0, 5)),
        ("centre", (5, 6), slice(0, 5), slice(0, 6)),
    ],
)
def test_a_direction_at_a_position_and_in_a_window(power, position, window, rows, columns, rng):
    activation = rng.normal(size=(1, 5, 6, 2)).astype("float32")
    part = activation[0, rows, columns]
    vector = rng.normal(size=2).astype("float32")
    term = Direction("a", vector, cosine_power=power, position=position, window=window)
    term.check((5, 6, 2))
    expected = np.mean([cosine_dot(x, vector, power) for x in part.reshape(-1, 2)])
    assert term_scores(term, activation)[0] == pytest.approx(expected, rel=1e-4)
    # An array of the window's size is compared as a whole, and the window need not be written.
    array = rng.normal(size=part.shape).astype("float32")
    expected = cosine_dot(part.ravel(), array.ravel(), power)
    for size in (window, None):
        term = Direction(
            "a", array, cosine_power=power, position="centre" if position is None else position, window=size
        )
        term.check((5, 6, 2))
        assert term_scores(term, activation)[0] == pytest.approx(expected, rel=1e-4)


def test_a_position_for_each_vector(rng):
    activation = rng.normal(size=(3, 5, 6, 2)).astype("float32")
    vectors, places = rng.normal(size=(3, 2)).astype("float32"), [(0, 0), (4, 5), (2, 1)]
    expected = [cosine_dot(activation[i][place], vectors[i], 2.0) for i, place in enumerate(places)]
    np.testing.assert_allclose(term_scores(Direction("a", vectors, position=places), activation), expected, rtol=1e-4)
    one = Direction("a", vectors[0], position=places)
    expected = [cosine_dot(activation[i][place], vectors[0], 2.0) for i, place in enumerate(places)]
    np.testing.assert_allclose(term_scores(one, activation), expected, rtol=1e-4)
    assert one.names == ["a~0 [0,0]", "a~0 [4,5]", "a~0 [2,1]"]
    assert Direction("a", vectors, position=(1, 2), window=3).names[2] == "a~2 [3 x 3 at 1,2]"
    assert Direction("a", vectors, position="centre").names[0] == "a~0 [centre]"


@pytest.mark.parametrize("classes", [0, 1])
def test_a_position_in_a_transformer_counts_patches(classes, rng):
    tokens = rng.normal(size=(1, 9 + classes, 2)).astype("float32")
    vector = np.array([1.0, -2.0], "float32")
    for position, patch in (("centre", 4), ((2, 1), 7)):
        term = Direction("a", vector, position=position)
        term.check(tokens.shape[1:])
        expected = cosine_dot(tokens[0, classes + patch], vector, 2.0)
        assert term_scores(term, tokens)[0] == pytest.approx(expected, rel=1e-4)


def test_a_zero_padded_vector_is_another_objective_than_a_position(rng):
    activation = rng.normal(size=(1, 12, 12, 4)).astype("float32")
    vector = activation[0, 3, 4].copy()  # Exactly the direction at this position: its cosine there is 1.
    padded = np.zeros((12, 12, 4), "float32")
    padded[3, 4] = vector

    def both(power, values):
        place = Direction("a", vector, position=(3, 4), cosine_power=power)
        return [term_scores(term, values)[0] for term in (place, Direction("a", padded, cosine_power=power))]

    assert both(0, activation)[0] == pytest.approx(both(0, activation)[1], rel=1e-5)
    squared = float((vector**2).sum())
    cosine = max(np.linalg.norm(vector) / np.linalg.norm(activation), 0.1)
    np.testing.assert_allclose(both(2, activation), [squared, squared * cosine**2], rtol=1e-4)
    # With equally strong positions, the cosine is 1 / sqrt(144), which is below the bound of 0.1.
    np.testing.assert_allclose(both(2, np.ones_like(activation) * vector), [squared, squared * 0.01], rtol=1e-4)
    # The rest of the map has no influence at a position.
    alone = np.zeros_like(activation)
    alone[0, 3, 4] = vector
    np.testing.assert_allclose(both(2, alone), [squared, squared], rtol=1e-4)


@pytest.mark.parametrize(
    ("settings", "shape", "message"),
    [
        (
            {"position": (5, 0)},
            (5, 6, 2),
            r'"position" must lie inside the map of \'a\', of 5 x 6\. Received: \(5, 0\)',
        ),
        ({"position": [(0, 0), (1, 6)]}, (5, 6, 2), r'"position".*\(1, 6\)'),
        ({"position": (0, 3), "window": 3}, (5, 6, 2), r'"position".*\(3, 3\).*\(0, 3\)'),
        ({"position": (4, 3), "window": 3}, (5, 6, 2), '"position".*window'),
        ({"window": (6, 1)}, (5, 6, 2), r'"window" must fit.*5 x 6.*\(6, 1\)'),
        ({"position": (3, 0)}, (9, 2), r'"position".*3 x 3.*\(3, 0\)'),
        ({"position": (0, 0)}, (2,), '"position" must belong to a layer with a map'),
        ({"position": (0, 0)}, (261, 2), '"position".*261 tokens'),
        ({"position": (0, 0)}, (5, 6, 3), '"vectors"'),
    ],
)
def test_positions_outside_the_map_are_refused(settings, shape, message):
    with pytest.raises(ValueError, match=message):
        Direction("a", np.ones(2), **settings).check(shape)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"position": "middle"}, "position"),
        ({"position": (1, -1)}, "position"),
        ({"position": 3}, "position"),
        ({"position": [(0, 0), (1, 1)], "vectors": np.ones((3, 2))}, "position"),
        ({"window": 0}, "window"),
        ({"window": (1, 2, 3)}, "window"),
        ({"window": (2, 2), "vectors": np.ones((3, 3, 2))}, "window"),
        ({"position": (0, 0), "tokens": "class"}, "tokens"),
    ],
)
def test_bad_positions_and_windows(settings, name):
    with pytest.raises(ValueError, match=f'"{name}" must'):
        Direction("a", **{"vectors": np.ones(2), **settings})


@pytest.mark.parametrize(
    "term",
    [
        Direction("a", [np.ones(2), np.arange(2)], position=[(0, 1), (2, 3)], window=(1, 2)),
        Direction("a", [np.ones(2), np.arange(2)], position="centre"),
        Direction("a", np.arange(24).reshape(2, 6, 2), position=(1, 3), cosine_power=1),
        Direction("a", np.ones(2), window=3),
    ],
    ids=str,
)
def test_storing_keeps_the_position(term, rng):
    activation = rng.normal(size=(len(term), 5, 6, 2))
    copy = restored(term)
    np.testing.assert_array_equal(term_scores(copy, activation), term_scores(term, activation))
    assert (copy.names, copy.structure()) == (term.names, term.structure())
    json.dumps(term.get_config())


def test_another_position_needs_no_new_trace():
    one, other = (Direction("a", np.ones(2), position=position) for position in ((0, 1), (2, 3)))
    assert one.structure() == other.structure()
    different = [
        one,
        *(Direction("a", np.ones(2), **s) for s in ({}, {"window": 1}, {"position": (0, 1), "window": 3})),
    ]
    assert len({term.structure() for term in different}) == 4
