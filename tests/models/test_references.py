"""References to layers: calls, outputs, input layers, logits, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Channel, FeatureInversion, Logit, MacoVisualizer, find_exemplars
from maco_tf.models import IMAGE, LOGITS, Activations
from tests.conftest import build_tiny_model


class Pair(keras.layers.Layer):
    """A block that returns a pair, as those of DeiT do, or a dictionary."""

    def __init__(self, as_dictionary=False, **settings):
        super().__init__(**settings)
        self.as_dictionary = as_dictionary

    def call(self, x):
        return {"hidden": 2 * x, "more": [3 * x]} if self.as_dictionary else (2 * x, 3 * x)


def read(model, layers, images):
    activations = Activations(model)
    return tf.function(lambda x: activations(x, layers), autograph=False)(tf.constant(images))


@pytest.fixture
def images(rng):
    return rng.uniform(size=(2, 8, 8, 3)).astype("float32")


def blocks(**settings):
    inputs = keras.Input((8, 8, 3), name="image")
    block = Pair(name="block")
    first, second = block(inputs)
    once, _ = block(first + second)
    named = Pair(True, name="named")(once)
    pooled = keras.layers.GlobalAveragePooling2D()(named["hidden"])
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(pooled), name="blocks")


def test_outputs_of_a_layer_by_number_and_key(images):
    expected = {
        "block#0:0": 2 * images,
        "block#0:1": 3 * images,
        "block#1:1": 15 * images,
        "named:hidden": 20 * images,
        "named:more/0": 30 * images,
        "image": images,
    }
    found = read(blocks(), list(expected), images)
    for reference, value in expected.items():
        np.testing.assert_allclose(found[reference], value, rtol=1e-5)


@pytest.mark.parametrize(
    ("reference", "remedy"),
    [
        ("block#0", 'Give "block#0:0", "block#0:1"'),
        ("block#0:2", 'Give "block#0:0", "block#0:1"'),
        ("block:1", 'Give "block#0:1" to "block#1:1"'),
        ("named", 'Give "named:hidden", "named:more/0"'),
        ("head:1", 'Give "head"'),
        ("head:logits", 'Leave ":logits" out'),
        ("block#a:1", "call's number"),
        ("absent:0", "name a layer"),
    ],
)
def test_an_error_lists_the_outputs(reference, remedy):
    with pytest.raises(ValueError, match=f'"layer" must .*{remedy}'):
        Activations(blocks()).shapes([reference])


@pytest.mark.parametrize("sequential", [pytest.param(False, marks=pytest.mark.slow), True])
def test_the_input_layer_is_the_models_input(sequential, images):
    """After the preprocessing, with a gradient; the input of a nested model is refused with the reason."""
    layers = [keras.Input((8, 8, 3), name="image"), keras.layers.Conv2D(2, 1)]
    model = keras.Sequential(layers) if sequential else keras.Model(layers[0], layers[1](layers[0]))
    activations = Activations(model, "tf")
    found = tf.function(lambda x: activations(x, ["image"]), autograph=False)(tf.constant(images))
    np.testing.assert_allclose(found["image"], 2 * images - 1, atol=1e-6)
    explanation = MacoVisualizer(model, steps=3, image_size=16).explain(Channel("image", 0), seed=0, verbose=0)
    assert explanation.scores[-1, 0] > explanation.scores[0, 0]
    outer = keras.Input((8, 8, 3), name="outside")
    with pytest.raises(ValueError, match="the input of a model inside it"):
        Activations(keras.Model(outer, model(outer))).shapes(["image"])


@pytest.mark.slow
def test_layers_by_number_and_by_name_in_one_objective(tiny_model, rng):
    """The same layers by name give the same images."""
    by_number = Logit(1) + Channel(1, 0) - Channel("second", 2)
    by_name = Logit(1) + Channel("conv", 0) - Channel("second", 2)
    visualizer = MacoVisualizer(tiny_model, steps=2, image_size=16)
    visualizer.check(by_number)
    first, second = (visualizer.explain(item, seed=1, verbose=0) for item in (by_number, by_name))
    np.testing.assert_array_equal(first.images, second.images)
    photographs = rng.uniform(size=(4, 16, 16, 3))
    tops = [find_exemplars(tiny_model, item, photographs, 2, verbose=0) for item in (by_number, by_name)]
    np.testing.assert_array_equal(tops[0].scores, tops[1].scores)


@pytest.mark.parametrize("layer", [["conv"], ("conv", "second"), {"conv"}, np.array(1), np.array(["conv"]), None, 1.0])
def test_other_references_are_refused(tiny_model, layer):
    with pytest.raises(ValueError, match='"layer" must be the name, the path or the index of one layer'):
        MacoVisualizer(tiny_model, steps=1).check(Logit(1) + Channel(layer, 0))


@pytest.mark.slow
def test_the_image_as_a_layer(tiny_model, rng):
    """Inverting pixels leads to the picture's own colours: the distance to the reference falls."""
    reference = rng.uniform(0.3, 0.7, size=(1, 16, 16, 3)).astype("float32")
    visualizer = MacoVisualizer(tiny_model, steps=4, image_size=16)
    explanation = visualizer.explain(FeatureInversion(IMAGE, reference, measure="l2"), seed=1, verbose=0)
    # The first score, by hand, is of the start; the last is better.
    assert explanation.scores[-1, 0] > explanation.scores[0, 0]
    distance = np.sum((explanation.images - reference) ** 2) / np.sum(reference**2)
    assert -distance == pytest.approx(explanation.scores[-1, 0], abs=0.2)
    picture = visualizer.explain(FeatureInversion(IMAGE, reference), seed=1, start=reference, verbose=0)
    assert picture.scores.shape == (4, 1)
    inversion = FeatureInversion(IMAGE, reference, measure="l2")
    top = find_exemplars(tiny_model, inversion, [reference[0], 0 * reference[0]], 2, verbose=0)
    np.testing.assert_allclose(top.scores, [[0, -1]], atol=1e-6)
    with pytest.raises(ValueError, match='"channels" must lie in 0'):
        visualizer.check(Channel(IMAGE, 3))


def test_an_output_layer_that_is_a_map(rng):
    model = build_tiny_model()
    assert Activations(model).shapes([LOGITS, 1, "conv"]) == {LOGITS: (5,), 1: (16, 16, 4), "conv": (16, 16, 4)}
