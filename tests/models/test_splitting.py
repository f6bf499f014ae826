"""Split networks of all kinds at a layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models import Activations
from maco_tf.models.splitting import last_feature_maps, logits_behind
from tests.conftest import Wrapper, build_tiny_model


def second_part(model, layer, values, **settings):
    activations = Activations(model, **settings)
    return tf.function(lambda values: logits_behind(activations, layer, values))(tf.constant(values)).numpy()


@pytest.mark.parametrize("layer", [pytest.param("add", marks=pytest.mark.slow), "pool"])
def test_the_second_part_equals_the_submodel_that_keras_builds(layer, rng):
    """The oracle is built from the same network without its softmax."""
    model, linear = build_tiny_model(), build_tiny_model(activation=None)
    behind = keras.Model(linear.get_layer(layer).output, linear.output)
    values = rng.normal(size=(3, *model.get_layer(layer).output.shape[1:])).astype("float32")
    np.testing.assert_allclose(second_part(model, layer, values), behind(values), atol=1e-5)


def test_both_parts_together_equal_the_network(rng):
    model = build_tiny_model()
    images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    activations = Activations(model)
    first = tf.function(lambda batch: activations(batch, ["add"])["add"])(images)
    np.testing.assert_allclose(tf.nn.softmax(second_part(model, "add", first)), model(images), atol=1e-5)


def test_subclassed_and_nested_models_can_be_split(rng):
    wrapper = Wrapper()
    wrapper(np.zeros((1, 16, 16, 3)))
    values = rng.normal(size=(2, 16, 16, 4)).astype("float32")
    found = second_part(wrapper, "tiny/add", values, input_shape=(16, 16, 3))
    np.testing.assert_allclose(found, second_part(build_tiny_model(), "add", values), atol=1e-5)


@pytest.mark.parametrize("layer", ["conv", "second"])
def test_only_layers_that_no_path_avoids_split_a_model(layer):
    """A path leads from the image around `second` to the sum, but none leads around `conv`."""
    values = np.zeros((1, 16, 16, 4), "float32")
    if layer == "conv":
        assert second_part(build_tiny_model(), layer, values).shape == (1, 5)
    else:
        with pytest.raises(ValueError, match=r'"layer" must split .*second.* a path leads'):
            second_part(build_tiny_model(), layer, values)


def called_twice():
    inputs = keras.Input((8, 8, 3))
    shared = keras.layers.Conv2D(3, 1, name="shared")
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(shared(shared(inputs))))


def test_a_layer_with_two_calls_is_split_at_one_of_them(rng):
    model, values = called_twice(), rng.normal(size=(2, 8, 8, 3)).astype("float32")
    mean = keras.layers.GlobalAveragePooling2D()
    shared = model.get_layer("shared")
    np.testing.assert_allclose(second_part(model, "shared#0", values), mean(shared(values)), atol=1e-5)
    np.testing.assert_allclose(second_part(model, "shared#1", values), mean(values), atol=1e-5)
    with pytest.raises(ValueError, match=r'called 2 times\. Give "shared#0"'):
        second_part(model, "shared", values)
    with pytest.raises(ValueError, match=r"must name an existing call.*shared#2"):
        second_part(model, "shared#2", values)


@keras.saving.register_keras_serializable(package="tests")
class Pair(keras.layers.Layer):
    """Twice the image, and its mean in a dictionary."""

    def call(self, x):
        return 2 * x, {"mean": keras.ops.mean(x, axis=(1, 2))}


def test_one_of_several_outputs_splits_a_model(rng):
    inputs = keras.Input((8, 8, 3))
    whole, _ = Pair(name="pair")(keras.layers.Conv2D(3, 1)(inputs))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(whole))
    values = rng.normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(second_part(model, "pair:0", values), values.mean((1, 2)), atol=1e-5)
    with pytest.raises(ValueError, match=r"does not depend|a path leads"):
        second_part(model, "pair:1/mean", values[:, 0, 0])
    with pytest.raises(ValueError, match='Give "pair:0", "pair:1/mean"'):
        second_part(model, "pair", values)


def test_paths_and_indices_mean_what_they_mean_in_activations(rng):
    values = rng.normal(size=(2, 16, 16, 4)).astype("float32")
    tiny = build_tiny_model()
    expected = second_part(tiny, "add", values)
    index = [layer.name for layer in tiny.layers].index("add")
    for layer in (index, index - len(tiny.layers), "add:0", "add#0", "add#0:0"):
        np.testing.assert_array_equal(second_part(tiny, layer, values), expected)
    inputs = keras.Input((16, 16, 3))
    nested = keras.Sequential([inputs, keras.Sequential([build_tiny_model()], name="inner")], name="outer")
    for layer in ("inner/tiny/add", "tiny/add", "add", "inner/tiny/add:0"):
        np.testing.assert_allclose(second_part(nested, layer, values), expected, atol=1e-5)
    with pytest.raises(ValueError, match="must be the output of a layer"):
        second_part(tiny, f"{tiny.layers[-1].name}:logits", values)


def test_a_layer_without_influence_on_the_prediction_is_refused():
    inputs = keras.Input((8, 8, 3))
    chosen = keras.layers.Lambda(lambda x: tf.round(x))(keras.layers.Conv2D(3, 1, name="conv")(inputs))
    model = keras.Model(inputs, keras.layers.Flatten()(chosen))
    with pytest.raises(ValueError, match=r'"layer" must split .*does not depend'):
        second_part(model, "conv", np.zeros((1, 8, 8, 3), "float32"))


def test_the_model_does_not_change(rng):
    model = build_tiny_model()
    images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    before, call = model(images).numpy(), keras.Operation.__call__
    second_part(model, "add", np.zeros((1, 16, 16, 4), "float32"))
    with pytest.raises(ValueError, match="layer"):
        second_part(model, "second", np.zeros((1, 16, 16, 4), "float32"))
    assert keras.Operation.__call__ is call
    np.testing.assert_array_equal(model(images), before)


def test_the_last_feature_maps_that_satisfy_a_condition():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="first", activation="relu")(inputs)
    x = keras.layers.Conv2D(4, 3, name="signed")(x)
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name="one_position")(x)
    model = keras.Model(inputs, keras.layers.Flatten()(x))
    images = np.random.default_rng(0).uniform(size=(2, 8, 8, 3)).astype("float32")
    activations = Activations(model)
    # Neither the map of one position nor the vector after it counts.
    assert last_feature_maps(activations, images, lambda maps: tf.reduce_min(maps) >= 0) == "first"
    assert last_feature_maps(activations, images, lambda maps: tf.constant(True)) == "signed"
    assert last_feature_maps(activations, images, lambda maps: tf.reduce_max(maps) > 1e9) is None
