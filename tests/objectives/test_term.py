"""New objectives as subclasses of Term: the smallest one, one with arguments, and when they share a trace."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Logit, MacoVisualizer
from maco_tf.objectives import L2, Channel, Direction, FeatureInversion, Layer, Neuron, Term
from maco_tf.objectives.term import comparable
from tests.objectives.evaluate import restored, scores

ACTIVATION = np.arange(2 * 3 * 4 * 2, dtype="float32").reshape(2, 3, 4, 2)


@keras.saving.register_keras_serializable(package="tests")
class Brightest(Term):
    layer = "conv"

    def score(self, activation):
        return tf.reduce_max(activation, axis=(1, 2, 3))


@keras.saving.register_keras_serializable(package="tests")
class Power(Term):
    """A setting that is compiled in, and a parameter that is not."""

    def __init__(self, layer, exponent=2, scales=(1.0,)):
        self.layer, self.exponent = layer, exponent
        super().__init__({"scale": scales})

    def score(self, activation, *, scale):
        return scale * tf.reduce_mean(activation**self.exponent, axis=(1, 2, 3))

    def get_config(self):
        return {"layer": self.layer, "exponent": self.exponent, "scales": self.parameters["scale"].tolist()}


class WithoutConfig(Term):
    def __init__(self, layer):
        self.layer = layer
        super().__init__()

    def score(self, activation):
        return activation[:, 0, 0, 0]


class WithoutConstructor(WithoutConfig):
    def __init__(self, layer):
        self.layer = layer


class Nowhere(Term):
    def score(self, activation):
        return activation[:, 0]


def test_a_subclass_needs_a_layer_and_a_score():
    assert Brightest().names == ["Brightest"]
    np.testing.assert_allclose(scores(Brightest(), conv=ACTIVATION), [(23 + 47) / 2])
    objective = Brightest() - 0.5 * Channel("conv", [0, 1])
    assert objective.names[1] == "Brightest - 0.5 conv:1"
    np.testing.assert_allclose(scores(objective, conv=ACTIVATION), [23 - 0.5 * 11, 47 - 0.5 * 36])


def test_a_visualizer_maximises_it(tiny_model):
    visualizer = MacoVisualizer(tiny_model, steps=12, image_size=24)
    explanation = visualizer.explain(Brightest(), seed=0, verbose=0)
    assert explanation.names == ["Brightest"]
    assert explanation.scores[-1, 0] > explanation.scores[0, 0]


def test_the_layer_must_be_set(tiny_model):
    with pytest.raises(ValueError, match='"layer"'):
        MacoVisualizer(tiny_model, steps=1, image_size=24).explain(Nowhere(), verbose=0)


def test_names_by_default_number_the_batch():
    assert Power("conv", scales=[1.0, 2.0]).names == ["Power 0", "Power 1"]
    assert Power("conv", scales=[1.0, 2.0])[1].names == ["Power 1"]
    assert Brightest(names=["left", "right"])[1:].names == ["right"]
    assert len(Brightest(names="only")) == 1


def test_a_constructor_need_not_call_that_of_the_base_class():
    assert WithoutConstructor("conv").names == ["WithoutConstructor"]
    np.testing.assert_allclose(scores(WithoutConstructor("conv"), conv=ACTIVATION), [12])


def test_a_subclass_without_arguments_is_stored():
    assert Brightest().get_config() == {}
    assert Brightest.from_config({}).structure() == Brightest().structure()
    for objective in (Brightest(), Brightest(names=["a", "b"]), 2 * Brightest() - Logit(1)):
        assert restored(objective).names == objective.names


def test_a_subclass_with_get_config_is_stored():
    term = Power("conv", 3, [1.0, 0.5])
    copy = restored(term)
    assert copy.structure() == term.structure()
    np.testing.assert_array_equal(scores(copy, conv=ACTIVATION), scores(term, conv=ACTIVATION))


@pytest.mark.parametrize(
    "term",
    [WithoutConfig("conv"), WithoutConstructor("conv"), Brightest({"unused": [1.0]})],
    ids=lambda term: type(term).__name__,
)
def test_unknown_arguments_cannot_be_stored(term):
    with pytest.raises(ValueError, match=r"get_config.*register_keras_serializable"):
        term.get_config()


def test_parameters_have_the_dtype_of_activations():
    term = Brightest({"double": np.ones(2), "python": [1.0, 2.0], "integer": np.array([1, 2], "int32")})
    assert {name: value.dtype.name for name, value in term.parameters.items()} == {
        "double": "float32",
        "python": "float32",
        "integer": "int32",
    }


@pytest.mark.parametrize("parameters", [{"a": 1.0}, {"a": []}, {"a": [1.0], "b": [1.0, 2.0]}])
def test_parameters_of_different_lengths_are_refused(parameters):
    with pytest.raises(ValueError, match='"parameters"'):
        Brightest(parameters)


@pytest.mark.parametrize("names", [3, [], ["a", "b", "c"]])
def test_names_must_fit_the_batch(names):
    with pytest.raises(ValueError, match='"names"'):
        Brightest({"a": [1.0, 2.0]}, names)
    with pytest.raises(ValueError, match='"names"'):
        Channel("a", [1, 2], names=names)


@pytest.mark.slow
def test_objectives_share_a_trace_unless_something_compiled_in_differs(tiny_model):
    visualizer = MacoVisualizer(tiny_model, steps=1, image_size=24)
    finals = [
        visualizer.explain(objective, seed=0, verbose=0).scores[0, 0]
        for objective in (Power("conv", 2), Power("conv", 2, [3.0]), Power("conv", 4), Power("second", 2))
    ]
    assert visualizer.traces == 3
    assert finals[1] == pytest.approx(3 * finals[0], rel=1e-5)
    assert len(set(finals)) == 4


def test_structures_of_objectives():
    assert Logit(1).structure() == Logit(7).structure() == Logit("pug", names=["dog"]).structure()
    assert Neuron("a", ("class", 1)).structure() == Neuron("a", (0, 1)).structure()
    assert L2(0.1).structure() == L2(0.9).structure()
    assert Direction("a", np.ones(3), cosine_power=1).structure() == Direction("a", np.ones(3)).structure()
    image = np.zeros((4, 4, 3))
    powers = [FeatureInversion("a", image, measure="dot", cosine_power=power) for power in (None, 1.0, 3.0)]
    assert len({term.structure() for term in powers}) == 1
    different = [
        Channel("a", 1),
        Channel("b", 1),
        Channel("a", 1, tokens="all"),
        Channel("a", 1, tokens=slice(1, None)),
        Layer("a", "mean"),
        Layer("a"),
        Direction("a", np.ones(3)),
        Direction("a", np.ones(4)),
        FeatureInversion("a", image),
        FeatureInversion("a", image, measure="l2"),
    ]
    assert len({term.structure() for term in different}) == len(different)


def test_comparable_values():
    tensor = tf.constant([1.0])
    for value in (1, "a", None, [1, [2.0]], (1, 2), slice(1, None), np.arange(3), tensor, len):
        assert comparable(value) == comparable(value)
        assert hash(comparable(value)) == hash(comparable(value))
    assert comparable([1, np.arange(3)]) == comparable([1, np.arange(3)])
    different = [1, 1.0, True, "1", [1], (1,), np.ones(1), np.ones(1, "int64"), np.ones((1, 1)), tensor]
    assert len({comparable(value) for value in [*different, tf.constant([1.0])]}) == len(different) + 1
