import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Concept, ConceptBank, Direction, Logit, MacoVisualizer


def test_directions_have_length_one_and_cannot_be_written_to():
    bank = ConceptBank([[3.0, 4.0], [0.0, 2.0]], "conv")
    np.testing.assert_allclose(bank.directions, [[0.6, 0.8], [0.0, 1.0]])
    assert bank.names == ["concept 0", "concept 1"]
    with pytest.raises(ValueError, match="read-only"):
        bank.directions[0] = 0


def test_ranking_is_by_importance():
    assert ConceptBank(np.eye(3), "conv", [0.1, 0.7, 0.2]).ranking().tolist() == [1, 2, 0]
    assert ConceptBank(np.eye(3), "conv").ranking().tolist() == [0, 1, 2]


def test_coefficients_give_mixtures_back_and_are_never_negative(rng):
    bank = ConceptBank(rng.uniform(size=(4, 10)), "conv")
    mixed = rng.uniform(size=(2, 3, 4)).astype("float32")
    np.testing.assert_allclose(bank.coefficients(mixed @ bank.directions), mixed, atol=1e-4)
    # By hand: along (1, 0) nothing is left for a direction that only opposes; (-1, 1) keeps its second part.
    plane = ConceptBank(np.eye(2), "conv")
    np.testing.assert_allclose(plane.coefficients(np.array([[-1.0, 1.0], [2.0, 0.5]])), [[0, 1], [2, 0.5]])


def test_coefficients_against_a_slow_search(rng):
    """What the directions cannot reach is left over, and no other coefficients come nearer."""
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
        ({"directions": [[1.0, 0.0], [0.0, 0.0]]}, r"rows \[1\]"),
        ({"directions": [[1.0, np.nan]]}, r"rows \[0\]"),
        ({"directions": [["a"]]}, '"directions" must be an array'),
        ({"importances": [1.0]}, '"importances"'),
        ({"importances": [1.0, np.nan]}, '"importances" must be a list of finite'),
        ({"importances": np.ones((2, 2))}, '"importances" must be a list of finite'),
        ({"importances": 1.0}, '"importances" must be a list of finite'),
        ({"importances": "ab"}, '"importances" must be a list of numbers'),
        ({"names": ["one"]}, '"names"'),
        ({"layer": None}, '"layer" must be the name'),
    ],
)
def test_what_is_no_bank(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConceptBank(**{"directions": np.eye(2), "layer": "conv", **arguments})
    with pytest.raises(ValueError, match="2 channels"):
        ConceptBank(np.eye(2), "conv").coefficients(np.ones((4, 3)))
    with pytest.raises(ValueError, match='"activations" must be finite'):
        ConceptBank(np.eye(2), "conv").coefficients([1.0, np.nan])


def test_a_concept_is_a_direction_in_the_same_algebra(rng):
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


def test_a_second_concept_traces_nothing(tiny_model):
    visualizer = MacoVisualizer(tiny_model, steps=1, crops=1, image_size=24)
    bank = ConceptBank(np.eye(4), "conv")
    for concept in range(3):
        visualizer.explain(Concept(bank, concept), verbose=0)
    assert visualizer.traces == 1


@pytest.mark.parametrize(("bank", "concepts"), [(np.eye(2), 0), (None, 2), (None, -1), (None, [])])
def test_what_is_no_concept(bank, concepts):
    with pytest.raises(ValueError, match=r'"bank"|"concepts"'):
        Concept(ConceptBank(np.eye(2), "conv") if bank is None else bank, concepts)
