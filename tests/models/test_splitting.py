"""Networks split at a layer, whatever kind they are."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models import Activations
from maco_tf.models.splitting import last_feature_maps, logits_behind
from tests.conftest import Wrapper, build_tiny_model


def rest_of(model, layer, values, **settings):
    activations = Activations(model, **settings)
    return tf.function(lambda values: logits_behind(activations, layer, values))(tf.constant(values)).numpy()


@pytest.mark.parametrize("layer", ["add", "pool"])
def test_the_rest_of_a_network_is_what_keras_makes_of_it(layer, rng):
    """Keras's own split of the same network without softmax."""
    model, linear = build_tiny_model(), build_tiny_model(activation=None)
    behind = keras.Model(linear.get_layer(layer).output, linear.output)
    values = rng.normal(size=(3, *model.get_layer(layer).output.shape[1:])).astype("float32")
    np.testing.assert_allclose(rest_of(model, layer, values), behind(values), atol=1e-5)


def test_both_parts_together_are_the_network(rng):
    model = build_tiny_model()
    images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    activations = Activations(model)
    first = tf.function(lambda batch: activations(batch, ["add"])["add"])(images)
    np.testing.assert_allclose(tf.nn.softmax(rest_of(model, "add", first)), model(images), atol=1e-5)


def test_subclassed_and_nested_models_split_too(rng):
    wrapper = Wrapper()
    wrapper(np.zeros((1, 16, 16, 3)))
    values = rng.normal(size=(2, 16, 16, 4)).astype("float32")
    found = rest_of(wrapper, "tiny/add", values, input_shape=(16, 16, 3))
    np.testing.assert_allclose(found, rest_of(build_tiny_model(), "add", values), atol=1e-5)


@pytest.mark.parametrize("layer", ["conv", "second"])
def test_a_layer_inside_a_block_is_refused(layer):
    """Both reach the output through the sum alone; `second` has a path around it, `conv` has not."""
    values = np.zeros((1, 16, 16, 4), "float32")
    if layer == "conv":
        assert rest_of(build_tiny_model(), layer, values).shape == (1, 5)
    else:
        with pytest.raises(ValueError, match="a path goes around it"):
            rest_of(build_tiny_model(), layer, values)


def test_a_layer_that_is_called_twice_is_refused():
    inputs = keras.Input((8, 8, 3))
    shared = keras.layers.Conv2D(3, 1, name="shared")
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(shared(shared(inputs))))
    with pytest.raises(ValueError, match="called 2 times"):
        rest_of(model, "shared", np.zeros((1, 8, 8, 3), "float32"))


def test_the_model_runs_as_before_afterwards(rng):
    model = build_tiny_model()
    images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    before, call = model(images).numpy(), keras.Operation.__call__
    rest_of(model, "add", np.zeros((1, 16, 16, 4), "float32"))
    with pytest.raises(ValueError, match="layer"):
        rest_of(model, "second", np.zeros((1, 16, 16, 4), "float32"))
    assert keras.Operation.__call__ is call
    np.testing.assert_array_equal(model(images), before)


def test_the_last_maps_that_satisfy_a_condition():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="first", activation="relu")(inputs)
    x = keras.layers.Conv2D(4, 3, name="signed")(x)
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name="one_position")(x)
    model = keras.Model(inputs, keras.layers.Flatten()(x))
    images = np.random.default_rng(0).uniform(size=(2, 8, 8, 3)).astype("float32")
    activations = Activations(model)
    assert last_feature_maps(activations, images, lambda maps: tf.reduce_min(maps) >= 0) == "first"
    assert last_feature_maps(activations, images, lambda maps: tf.constant(True)) == "signed"
    assert last_feature_maps(activations, images, lambda maps: tf.reduce_max(maps) > 1e9) is None
