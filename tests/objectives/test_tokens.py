"""Objectives on a transformer's layer, (tokens, width), with values computed by hand."""

import json

import numpy as np
import pytest
import tensorflow as tf

from maco_tf.objectives import Channel, Direction, Neuron
from tests.objectives.evaluate import cosine_dot, restored, term_scores

# A class token and 2 x 2 patches with two features, in two views.
TOKENS = np.array([[100, -1], [1, 10], [2, 20], [3, 30], [6, 60]], "float32")
VIEWS = np.stack([TOKENS, 10 * TOKENS])
PATCHES = VIEWS[:, 1:]


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ("patch", [3.0, 300.0]),
        ("class", [100.0, -10.0]),
        ("all", [112 / 5, 238.0]),
        (slice(2, None), [11 / 3, 1100 / 3]),
        (slice(1, 5, 3), [3.5, 350.0]),
    ],
)
def test_a_channel_is_a_feature_over_the_chosen_tokens(tokens, expected):
    term = Channel("a", [0, 1], tokens=tokens)
    term.check(TOKENS.shape)
    np.testing.assert_allclose(term_scores(term, VIEWS), expected)


def test_a_square_number_of_tokens_is_all_patches():
    term = Channel("a", [0, 1])
    term.check((4, 2))
    np.testing.assert_allclose(term_scores(term, PATCHES), [3.0, 300.0])


def test_a_direction_applies_to_the_chosen_tokens():
    vector = np.array([0.6, 0.8], "float32")
    for tokens, rows in (("patch", TOKENS[1:]), ("class", TOKENS[:1]), ("all", TOKENS), (slice(4, None), TOKENS[4:])):
        term = Direction("a", vector, tokens=tokens)
        term.check(TOKENS.shape)
        expected = np.mean([cosine_dot(row, vector, 2.0) for row in rows])
        assert term_scores(term, TOKENS[None])[0] == pytest.approx(expected, rel=1e-4)


def test_a_direction_of_the_whole_layer_includes_the_class_token():
    whole = Direction("a", [TOKENS[::-1].copy()])
    whole.check(TOKENS.shape)
    expected = cosine_dot(TOKENS.ravel(), TOKENS[::-1].ravel(), 2.0)
    assert term_scores(whole, TOKENS[None])[0] == pytest.approx(expected, rel=1e-4)
    with pytest.raises(ValueError, match="left out"):
        Direction("a", [TOKENS], tokens="class").check(TOKENS.shape)


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ([(0, 0), (4, 1)], [100.0, 600.0]),
        ([("class", 0), ("class", 1)], [100.0, -10.0]),
        ([(0, 1, 1), (1, 0, 0)], [20.0, 30.0]),
        ([0, 1], [6.0, 600.0]),  # The centre of 2 x 2 patches.
    ],
)
def test_a_neuron_names_a_token_by_number_class_or_position(units, expected):
    term = Neuron("a", units)
    term.check(TOKENS.shape)
    np.testing.assert_allclose(term_scores(term, VIEWS), expected)


def test_positions_on_a_grid_without_a_class_token():
    term = Neuron("a", [(0, 0, 1), (1, 1, 0)])
    term.check((4, 2))
    np.testing.assert_allclose(term_scores(term, PATCHES), [10.0, 60.0])


@pytest.mark.parametrize(
    ("term", "shape", "message"),
    [
        (Channel("a", 0), (261, 2), r"neither a square grid .* slice\(5, None\)"),
        (Channel("a", 0), (None, 2), "unknown number"),
        (Direction("a", np.ones(2)), (12, 2), "neither a square grid"),
        (Channel("a", 0, tokens="class"), (16, 2), "without a class token"),
        (Channel("a", 0, tokens="class"), (4, 4, 2), "has tokens"),
        (Direction("a", np.ones(2), tokens=slice(1, None)), (2,), "has tokens"),
        (Channel("a", 0, tokens=slice(17, None)), (17, 2), "at least one of the 17"),
        (Neuron("a", ("class", 0)), (16, 2), "without a class token"),
        (Neuron("a", ("class", 0)), (4, 2, 2), "has no tokens"),
        (Neuron("a", ("class", 2)), (17, 2), "must lie in 0..1"),
        (Neuron("a", (4, 0, 0)), (17, 2), "must lie in 0..3: axis 0 of the 4 x 4 patches"),
        (Neuron("a", (0, 0, 0)), (261, 2), "neither a square grid"),
        (Neuron("a", (17, 0)), (17, 2), "must lie in 0..16"),
    ],
)
def test_tokens_that_are_missing_or_ambiguous_are_refused(term, shape, message):
    with pytest.raises(ValueError, match=message):
        term.check(shape)


@pytest.mark.parametrize(
    "term",
    [
        Channel("a", 0, tokens=slice(5, None)),
        Channel("a", 0, tokens="all"),
        Channel("a", 0, tokens="class"),
        Neuron("a", ("class", 0)),
        Neuron("a", (260, 0)),
    ],
)
def test_a_layer_with_registers_needs_an_explicit_choice(term):
    term.check((261, 2))  # A class token, four registers and 16 x 16 patches.


@pytest.mark.parametrize(
    "tokens", ["patches", None, 1, (1, 5), ["class"], slice("a", 1), slice(0, 4, 0), slice(1.5), slice(True)]
)
def test_bad_choices(tokens):
    for make in (lambda: Channel("a", 0, tokens=tokens), lambda: Direction("a", np.ones(2), tokens=tokens)):
        with pytest.raises(ValueError, match=r'"tokens" must be .* Received'):
            make()


def test_a_batch_does_not_mix_the_class_token_with_other_neurons():
    with pytest.raises(ValueError, match="Combine two Neurons"):
        Neuron("a", [("class", 0), (1, 0)])


def test_height_and_width_are_not_tokens():
    activation = np.arange(2 * 5 * 1 * 2, dtype="float32").reshape(2, 5, 1, 2)
    for tokens in ("patch", "all"):
        term = Channel("a", [0, 1], tokens=tokens)
        term.check((5, 1, 2))
        np.testing.assert_allclose(
            term_scores(term, activation), [activation[0, ..., 0].mean(), activation[1, ..., 1].mean()]
        )


@pytest.mark.parametrize(
    "term",
    [
        Channel("a", [0, 1], tokens="class"),
        Channel("a", [0, 1], tokens=slice(2, None)),
        Direction("a", [np.array([1.0, 2.0]), np.array([0.5, -1.0])], tokens=slice(1, 4, 2)),
        Neuron("a", [("class", 0), ("class", 1)]),
        Neuron("a", [(0, 1, 1), (1, 0, 0)]),
    ],
    ids=str,
)
def test_storing_keeps_the_tokens(term):
    copy = restored(term)
    np.testing.assert_array_equal(term_scores(copy, VIEWS), term_scores(term, VIEWS))
    assert copy.names == term.names
    assert copy.structure() == term.structure()
    assert copy.get_config() == term.get_config()
    assert json.loads(json.dumps(term.get_config()))["names"] == term.names


def test_structure_and_names_distinguish_the_tokens():
    choices = ["patch", "class", "all", slice(5, None), slice(1, None, 2)]
    for kind, units in ((Channel, 1), (Direction, np.ones(2))):
        terms = [kind("a", units, tokens=tokens) for tokens in choices]
        assert len({term.structure() for term in terms}) == len({term.names[0] for term in terms}) == len(choices)
    assert Channel("a", 1, tokens=slice(5, None)).names == ["a:1 [5:]"]
    assert Neuron("a", ("class", 3)).names == ["a[class,3]"]


def test_numpy_integers_bound_a_slice():
    term = Channel("a", 0, tokens=slice(np.int64(5), None))
    assert json.loads(json.dumps(term.get_config()))["tokens"] == [5, None, None]


def test_gradients_reach_the_chosen_tokens_only():
    values = tf.Variable(TOKENS[None])
    with tf.GradientTape() as tape:
        score = Channel("a", [1]).score(tf.convert_to_tensor(values), index=tf.constant([1]))
    expected = np.zeros((5, 2))
    expected[1:, 1] = 0.25
    np.testing.assert_allclose(tape.gradient(score, values)[0], expected)
