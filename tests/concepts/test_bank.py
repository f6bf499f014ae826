import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import CBRVisualizer, Concept, ConceptBank, Direction, Logit


def test_directions_are_normalised_and_read_only():
    bank = ConceptBank([[3.0, 4.0], [0.0, 2.0]], "conv", [1, 2])
    np.testing.assert_allclose(bank.directions, [[0.6, 0.8], [0.0, 1.0]])
    assert bank.names == ["concept 0", "concept 1"]
    for array in (bank.directions, bank.importances):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_bank_is_frozen_and_replace_makes_another():
    bank = ConceptBank(np.eye(2), np.int64(3), [0.2, 0.8], ["sky", "fur"])
    assert bank.layer == 3
    assert type(bank.layer) is int
    with pytest.raises(dataclasses.FrozenInstanceError):
        bank.layer = "conv"
    other = dataclasses.replace(bank, layer="conv")
    assert (other.layer, other.names) == ("conv", ["sky", "fur"])
    np.testing.assert_array_equal(other.importances, bank.importances)


def test_concepts_are_ranked_by_importance():
    assert ConceptBank(np.eye(3), "conv", [0.1, 0.7, 0.2]).ranking().tolist() == [1, 2, 0]
    assert ConceptBank(np.eye(3), "conv").ranking().tolist() == [0, 1, 2]


def test_coefficients_of_mixtures_are_found_and_are_not_negative(rng):
    bank = ConceptBank(rng.uniform(size=(4, 10)), "conv")
    mixed = rng.uniform(size=(2, 3, 4)).astype("float32")
    np.testing.assert_allclose(bank.coefficients(mixed @ bank.directions), mixed, atol=1e-4)
    # By hand: the first coefficient of (-1, 1) would be negative, so it is 0.
    plane = ConceptBank(np.eye(2), "conv")
    np.testing.assert_allclose(plane.coefficients(np.array([[-1.0, 1.0], [2.0, 0.5]])), [[0, 1], [2, 0.5]])


def test_coefficients_are_at_least_as_good_as_the_best_on_a_grid(rng):
    """Two directions can only approximate a vector of five channels."""
    bank = ConceptBank(rng.normal(size=(2, 5)), "conv")
    wanted = rng.normal(size=5)
    found = bank.coefficients(wanted)
    axis = np.linspace(0, 3, 301)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    errors = np.linalg.norm(grid @ bank.directions - wanted, axis=1)
    assert np.linalg.norm(found @ bank.directions - wanted) <= errors.min() + 1e-6
    np.testing.assert_allclose(found, grid[errors.argmin()], atol=0.02)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"directions": np.ones(3)}, '"directions" must have the shape'),
        ({"directions": np.zeros((0, 3))}, '"directions" must have the shape'),
        ({"directions": [[1.0, 0.0], [0.0, 0.0]]}, r'"directions".*rows \[1\]'),
        ({"directions": [[1.0, np.nan]]}, r'"directions".*rows \[0\]'),
        ({"directions": [["a"]]}, '"directions" must be an array'),
        ({"importances": [1.0]}, '"importances" must have one entry for each of 2'),
        ({"importances": [1.0, np.nan]}, '"importances" must be a list of finite'),
        ({"importances": np.ones((2, 2))}, '"importances" must be a list of finite'),
        ({"importances": 1.0}, '"importances" must be a list of finite'),
        ({"importances": "ab"}, '"importances" must be a list of numbers'),
        ({"names": ["one"]}, '"names" must have one entry for each of 2'),
        ({"layer": None}, '"layer" must be the name'),
        ({"layer": True}, '"layer" must be the name'),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConceptBank(**{"directions": np.eye(2), "layer": "conv", **arguments})


@pytest.mark.parametrize("activations", [np.ones((4, 3)), 1.0, [1.0, np.nan]])
def test_wrong_activations_are_refused(activations):
    with pytest.raises(ValueError, match='"activations" must'):
        ConceptBank(np.eye(2), "conv").coefficients(activations)


def test_a_concept_is_a_direction_and_combines_like_one(rng):
    bank = ConceptBank(rng.normal(size=(3, 4)), "conv", names=["sky", "grass", "fur"])
    concepts, direction = Concept(bank, [2, 0]), Direction("conv", list(bank.directions[[2, 0]]))
    assert concepts.names == ["fur", "sky"]
    assert (Logit(1) - 0.5 * concepts).names == ["logit 1 - 0.5 fur", "logit 1 - 0.5 sky"]
    activation = tf.constant(rng.normal(size=(2, 3, 3, 4)), tf.float32)
    scores = [
        term.score(activation, **{name: tf.constant(value) for name, value in term.parameters.items()}).numpy()
        for term in (concepts, direction)
    ]
    np.testing.assert_array_equal(*scores)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(concepts[1]))
    assert copy.names == ["sky"]
    assert copy.structure() == concepts.structure()
    np.testing.assert_allclose(copy.parameters["vector"], bank.directions[:1])


def test_concepts_share_a_trace(tiny_model):
    visualizer = CBRVisualizer(tiny_model, steps=1, transforms=[], image_size=24)
    bank = ConceptBank(np.eye(4), "conv")
    for concept in range(3):
        visualizer.explain(Concept(bank, concept), verbose=0)
    assert visualizer.traces == 1


@pytest.mark.parametrize("bank", [np.eye(2), None])
def test_a_concept_needs_a_bank(bank):
    with pytest.raises(ValueError, match=r'"bank" must be a maco_tf\.ConceptBank'):
        Concept(bank, 0)


@pytest.mark.parametrize("concepts", [2, -1, [], [0, 2], 0.5, True])
def test_a_concept_must_be_in_the_bank(concepts):
    with pytest.raises(ValueError, match='"concepts" must'):
        Concept(ConceptBank(np.eye(2), "conv"), concepts)
