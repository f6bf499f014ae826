"""Activations of layers, logits and probabilities of all kinds of models."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models import IMAGE, LOGITS, PROBABILITIES, Activations
from tests.conftest import build_tiny_model


def run(activations, images, layers):
    """Compute activations in a traced function, as in an optimisation."""
    return tf.function(lambda x: activations(x, layers), autograph=False)(tf.constant(images))


class Subclassed(keras.Model):
    """A model whose softmax is a plain operation inside `call`."""

    def __init__(self):
        super().__init__(name="subclassed")
        self.conv = keras.layers.Conv2D(4, 3, name="conv")
        self.head = keras.layers.Dense(5, name="head")

    def call(self, x, training=None):
        return tf.nn.softmax(self.head(tf.reduce_mean(self.conv(x), axis=(1, 2))))


@pytest.fixture
def images(rng):
    return rng.uniform(size=(2, 16, 16, 3)).astype("float32")


def test_layers_equal_the_submodel_that_keras_builds(tiny_model, images):
    found = run(Activations(tiny_model), images, ["conv", "add"])
    oracle = keras.Model(tiny_model.input, [tiny_model.get_layer("conv").output, tiny_model.get_layer("add").output])
    for value, expected in zip(found.values(), oracle(images)):
        np.testing.assert_allclose(value, expected, atol=1e-6)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", None])
def test_logits_are_the_values_before_the_final_activation(activation, images):
    model, linear = build_tiny_model(activation=activation), build_tiny_model(activation=None)
    found = run(Activations(model), images, [LOGITS])[LOGITS]
    np.testing.assert_allclose(found, linear(images), atol=1e-6)


@pytest.mark.parametrize(
    ("activation", "oracle"), [("softmax", tf.nn.softmax), ("sigmoid", tf.sigmoid), ("log_softmax", tf.nn.softmax)]
)
def test_probabilities_do_not_depend_on_the_final_activation(activation, oracle, images):
    logits = build_tiny_model(activation=None)(images)
    found = run(Activations(build_tiny_model(activation=activation)), images, [PROBABILITIES])[PROBABILITIES]
    np.testing.assert_allclose(found, oracle(logits), atol=1e-6)
    bare = run(Activations(build_tiny_model(activation=None)), images, [PROBABILITIES])[PROBABILITIES]
    np.testing.assert_allclose(bare, tf.nn.softmax(logits), atol=1e-6)


def test_a_softmax_is_found_in_layers_nested_models_and_subclassed_models(images):
    linear = build_tiny_model(activation=None)
    layer = keras.Sequential([linear, keras.layers.Softmax()])
    nested = keras.Sequential([keras.Input((16, 16, 3)), build_tiny_model(), keras.layers.Identity()])
    shaped = keras.Sequential([build_tiny_model(), keras.layers.Reshape((1, 5)), keras.layers.Flatten()])
    for model in (layer, nested, shaped):
        found = run(Activations(model), images, [LOGITS])[LOGITS]
        np.testing.assert_allclose(found, linear(images), atol=1e-6)
    subclassed = Subclassed()
    subclassed(images)
    found = run(Activations(subclassed, input_shape=(16, 16, 3)), images, [LOGITS, "conv"])
    np.testing.assert_allclose(tf.nn.softmax(found[LOGITS]), subclassed(images), atol=1e-6)
    assert np.abs(found[LOGITS].numpy()).sum(1).max() != pytest.approx(1.0)
    np.testing.assert_allclose(found["conv"], subclassed.conv(images), atol=1e-6)


def test_a_warning_says_that_a_hidden_softmax_is_not_removed(images):
    class Hidden(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(5)

        @tf.function
        def call(self, x, training=None):
            return tf.nn.softmax(self.head(tf.reduce_mean(x, axis=(1, 2))))

    model = Hidden()
    model(images)
    with pytest.warns(UserWarning, match="Neuron"):
        Activations(model, input_shape=(16, 16, 3)).shapes([LOGITS])
    found = run(Activations(model, input_shape=(16, 16, 3)), images, [PROBABILITIES])[PROBABILITIES]
    np.testing.assert_allclose(found, model(images), atol=1e-6)


def test_a_nested_layer_is_found_by_its_path(images):
    inner = build_tiny_model()
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Rescaling(2.0), inner])
    found = run(Activations(model), images, ["tiny/conv"])["tiny/conv"]
    np.testing.assert_allclose(found, inner.get_layer("conv")(2 * images), atol=1e-6)


def test_a_shared_layer_needs_the_number_of_its_call(images):
    shared = keras.layers.Conv2D(3, 1, name="shared")
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, keras.layers.Flatten()(shared(shared(inputs))))
    activations = Activations(model)
    first, second = run(activations, images, ["shared#0", "shared#1"]).values()
    np.testing.assert_allclose(first, shared(images), atol=1e-6)
    np.testing.assert_allclose(second, shared(shared(images)), atol=1e-6)
    for reference in ("shared", "shared#2"):
        with pytest.raises(ValueError, match=f'"layer" must .*{reference}.* called 2 times.*#0.*#1'):
            activations.shapes([reference])
    with pytest.raises(ValueError, match=r'"layer" must have .* number after "#"'):
        activations.shapes(["shared#last"])


def test_activations_of_half_precision_models_are_float32(images):
    model = build_tiny_model(policy="mixed_float16")
    found = run(Activations(model), images, [LOGITS, "conv"])
    assert {value.dtype for value in found.values()} == {tf.float32}


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_preprocessing_modes_agree_with_keras(mode, images):
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Identity(name="same")])
    found = run(Activations(model, mode), images, ["same"])["same"]
    expected = keras.applications.imagenet_utils.preprocess_input(255.0 * images.copy(), mode=mode)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_the_model_does_not_change(images):
    model = build_tiny_model()
    before = (model.get_config(), [w.copy() for w in model.get_weights()], model(images).numpy())
    call = keras.Operation.__call__
    attributes = {layer.name: set(vars(layer)) for layer in model.layers}
    run(Activations(model), images, [LOGITS, "conv"])
    assert keras.Operation.__call__ is call
    assert {layer.name: set(vars(layer)) for layer in model.layers} == attributes
    assert model.get_config() == before[0]
    for weight, old in zip(model.get_weights(), before[1]):
        np.testing.assert_array_equal(weight, old)
    np.testing.assert_array_equal(model(images), before[2])


def test_the_image_itself_is_not_a_layer(tiny_model, images):
    activations = Activations(tiny_model)
    assert run(activations, images, [IMAGE]) == {}
    assert list(run(activations, images, [IMAGE, "conv"])) == ["conv"]
    assert activations.shapes([IMAGE, "conv"]) == {"conv": (16, 16, 4)}


def test_unknown_sizes_become_224_and_can_be_given():
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.GlobalAveragePooling2D()])
    assert Activations(model).input_shape == (224, 224, 3)
    for shape in ((32, 48, 3), [32, 48, 3], np.array([32, 48, 3]), (np.int64(32), np.int32(48), np.uint8(3))):
        found = Activations(model, input_shape=shape).input_shape
        assert found == (32, 48, 3)
        assert {type(size) for size in found} == {int}


@pytest.mark.parametrize(
    "shape", [(16, 16), (16, 16, 0), (16.0, 16.0, 3), (True, 16, 3), 16, "16x3", (None, None, 3)], ids=repr
)
def test_input_shapes_that_are_not_shapes_are_refused(tiny_model, shape):
    with pytest.raises(ValueError, match=r'"input_shape" must be \(height, width, channels\).*Received'):
        Activations(tiny_model, input_shape=shape)


def test_models_that_cannot_be_used_are_refused(tiny_model):
    with pytest.raises(ValueError, match=r"keras\.Model"):
        Activations("model")
    unbuilt = Subclassed()
    with pytest.raises(ValueError, match="must be built"):
        Activations(unbuilt)
    unbuilt.build((None, None, None, None))
    with pytest.raises(ValueError, match='"input_shape" must be given'):
        Activations(unbuilt)
    with pytest.raises(ValueError, match='"input_shape" must fit'):
        Activations(tiny_model, input_shape=(8, 8, 3))
    with pytest.raises(ValueError, match='"preprocessing"'):
        Activations(tiny_model, "imagenet")
    inputs = [keras.Input((8, 8, 3)), keras.Input((4,))]
    two = keras.Model(inputs, keras.layers.Dense(1)(inputs[1]))
    with pytest.raises(ValueError, match="one batch of images"):
        Activations(two)
    first = keras.Sequential(
        [keras.Input((3, 8, 8)), keras.layers.GlobalAveragePooling2D(data_format="channels_first")]
    )
    with pytest.raises(ValueError, match="channels_first"):
        Activations(first)
