"""The operators on activations known by hand, and the peers' faults, each with its test."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models import IMAGE, LOGITS
from maco_tf.objectives import L2, Channel, Direction, Layer, Logit, Neuron, Sum, TotalVariation, product
from maco_tf.optimization import objective_tensors, score_images

# Two views an image: their mean is what counts.
LOGIT = np.array([[1.0, 10.0, 100.0], [3.0, 30.0, 300.0]], "float32")  # Mean: 2, 20, 200.
FEATURE = np.array([[[4.0, 5.0]], [[6.0, 7.0]]], "float32")  # Mean: 5, 6.


def scores(objective):
    batch = len(objective)
    activations = {
        LOGITS: tf.constant(np.tile(LOGIT, (batch, 1))),
        "feature": tf.constant(np.tile(FEATURE, (batch, 1, 1))),
        IMAGE: tf.constant(np.full((batch, 4, 4, 3), 0.75, "float32")),
    }
    return (
        score_images([term for _, term in objective.terms], activations, *objective_tensors(objective), batch)
        .numpy()
        .tolist()
    )


def test_single_objectives():
    assert scores(Logit(1)) == [20.0]
    assert scores(Channel("feature", 1)) == [6.0]
    assert scores(Logit([0, 2, 1])) == [2.0, 200.0, 20.0]


def test_subtraction_subtracts_and_leaves_its_operands():
    a, b = Logit(2), Channel("feature", 0)
    assert scores(a - b) == [195.0]
    assert scores(a) == [200.0]
    assert scores(b) == [5.0]


def test_multiplication_leaves_its_operand():
    a = Logit(1)
    assert scores(2 * a) == [40.0]
    assert scores(a * 0.5) == [10.0]
    assert scores(a / 4) == [5.0]
    assert scores(np.float32(2) * a) == [40.0]
    assert scores(-a) == [-20.0]
    assert scores(a) == [20.0]


def test_weights_multiply_their_own_term_only():
    a, b, c = Logit(0), Logit(1), Logit(2)
    assert scores(3 * a + 0.5 * b - c) == [6.0 + 10.0 - 200.0]
    assert scores(2 * (a - 0.5 * b)) == [2 * (2.0 - 10.0)]
    assert scores((a + b) / 2 - (c - a)) == [11.0 - 198.0]


def test_sum_of_a_list():
    assert scores(sum([Logit(0), Logit(1), Logit(2)])) == [222.0]


def test_batches_pair_and_broadcast():
    assert scores(Logit([0, 1]) + Channel("feature", [1, 0])) == [8.0, 25.0]
    assert scores(Logit([0, 1]) - Channel("feature", 1)) == [-4.0, 14.0]
    assert scores(L2() + Logit([0, 1])) == pytest.approx([2.25, 20.25])


def test_unequal_batches_are_refused_and_name_product():
    with pytest.raises(ValueError, match=r"lengths 2, 3.*product\(a, b\)"):
        Logit([0, 1]) + Logit([0, 1, 2])


def test_product_gives_every_combination():
    combined = product(Logit([0, 1]), Channel("feature", [0, 1]) - L2())
    assert len(combined) == 4
    assert scores(combined) == pytest.approx([6.75, 7.75, 24.75, 25.75])
    assert combined.names[1] == "logit 0 + feature:1 - L2"
    assert len(product(Logit([0, 1]), Logit([0, 1]), Logit([0, 1, 2]))) == 12
    assert scores(product(TotalVariation(), Logit([0, 1]))) == [2.0, 20.0]


def test_objectives_do_not_change_with_the_users_array():
    vector = np.ones(3, "float32")
    objective = Direction("feature", vector)
    vector[:] = 5
    assert objective.parameters["vector"].tolist() == [[1.0, 1.0, 1.0]]
    with pytest.raises(ValueError, match="read-only"):
        objective.parameters["vector"][:] = 5


def test_selecting_from_a_batch():
    batch = Logit([0, 1, 2]) - Channel("feature", 0)
    assert scores(batch[1]) == [15.0]
    assert scores(batch[1:]) == [15.0, 195.0]
    assert [scores(part) for part in batch] == [[-3.0], [15.0], [195.0]]
    with pytest.raises(IndexError):
        batch[3]


def test_names_read_as_the_expression():
    objective = -0.5 * Logit("pug") + Channel("block5", 12) - Neuron("pool", 3)
    assert objective.names == ["-0.5 pug + block5:12 - pool[3]"]


def test_a_score_depends_on_its_own_image_alone(rng):
    """Dot products of xplique are summed over the batch."""
    activations = rng.normal(size=(6, 5, 5, 4)).astype("float32")
    objective = Direction("feature", list(rng.normal(size=(3, 4)).astype("float32")))

    def evaluate(objective, values):
        terms, tensors = [term for _, term in objective.terms], objective_tensors(objective)
        return score_images(terms, {"feature": tf.constant(values)}, *tensors, len(objective)).numpy()

    together = evaluate(objective, activations)
    apart = [evaluate(objective[index], activations[2 * index : 2 * index + 2])[0] for index in range(3)]
    np.testing.assert_allclose(together, apart, rtol=1e-5)


@pytest.mark.parametrize("other", [1, "logit", None, Logit])
def test_only_objectives_are_added(other):
    with pytest.raises(ValueError, match="Only an objective"):
        Logit(1) + other


@pytest.mark.parametrize("factor", ["2", None, True, float("nan"), Logit(1)])
def test_only_numbers_multiply(factor):
    with pytest.raises(ValueError, match="factor"):
        Logit(1) * factor
    with pytest.raises(ValueError, match="divisor"):
        Logit(1) / 0


@pytest.mark.parametrize(
    "objective",
    [
        Logit([1, 2], names=["a", "b"]),
        Channel("feature", 1),
        Neuron("feature", [(0, 1), (0, 0)]),
        Layer("feature", "mean"),
        Direction("feature", [np.array([1.0, 2.0]), np.array([3.0, -1.0])], cosine_power=1.0),
        2 * Logit([0, 1]) - Channel("feature", 0) - 0.1 * TotalVariation() + L2(0.25),
    ],
    ids=lambda objective: type(objective).__name__,
)
def test_keras_serialisation(objective):
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(objective))
    assert type(restored) is type(objective)
    assert restored.names == objective.names
    assert scores(restored) == scores(objective)


def test_structures_tell_what_must_be_traced_anew():
    assert Logit(1).structure() == Logit(7).structure()
    assert Channel("a", 1).structure() != Channel("b", 1).structure()
    assert Layer("a", "mean").structure() != Layer("a").structure()
    assert L2(0.1).structure() == L2(0.9).structure()
    assert Direction("a", np.ones(3)).structure() != Direction("a", np.ones(4)).structure()
    assert isinstance(Logit(1) + Logit(2), Sum)
