"""The choice of layers from the stem to the head."""

import keras
import pytest

from maco_tf.models import Activations
from maco_tf.models.taps import batch_norms, feature_layers, last_layers, spread


def convolutional():
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(2.0)(inputs)
    for number in range(3):
        x = keras.layers.ZeroPadding2D(1, name=f"pad{number}")(x)
        x = keras.layers.Conv2D(4, 3, strides=2, name=f"conv{number}")(x)
        x = keras.layers.BatchNormalization(name=f"norm{number}")(x)
        x = keras.layers.ReLU(name=f"relu{number}")(x)
    x = keras.layers.Conv2D(5, 1, name="classes")(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


def transformer(depth=8):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(6, 4, strides=4, name="patches")(inputs)
    x = keras.layers.Reshape((16, 6), name="tokens")(x)
    for number in range(depth):
        y = keras.layers.LayerNormalization(name=f"norm{number}")(x)
        y = keras.layers.MultiHeadAttention(2, 3, name=f"attention{number}")(y, y)
        x = keras.layers.Add(name=f"sum{number}")([x, y])
    return keras.Model(inputs, keras.layers.Dense(3, name="head")(keras.layers.GlobalAveragePooling1D()(x)))


def test_the_last_layer_of_each_size():
    activations = Activations(convolutional(), None)
    assert feature_layers(activations, 5) == ["relu0", "relu1", "relu2"]  # Without class scores and padding.
    assert feature_layers(activations, 2) == ["norm0", "norm2"]  # As many batch norms as layers, or more.
    assert [layer.path for layer in batch_norms(activations)] == ["norm0", "norm1", "norm2"]
    assert last_layers(activations) == ["relu0", "relu1", "relu2"]


def test_sums_of_a_transformer():
    activations = Activations(transformer(), None)
    assert feature_layers(activations, 3) == ["sum0", "sum4", "sum7"]
    assert last_layers(activations) == ["patches"]  # The only map.


def test_nested_models_are_read_by_path():
    inner = convolutional()
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(inner(inputs)))
    assert feature_layers(Activations(model, None), 3) == [f"{inner.name}/norm{number}" for number in range(3)]


def test_layers_that_are_called_twice_are_left_out():
    inputs = keras.Input((8, 8, 3))
    shared = keras.layers.BatchNormalization(name="shared")
    x = shared(shared(inputs))
    x = keras.layers.BatchNormalization(name="single")(x)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    assert [layer.path for layer in batch_norms(Activations(model, None))] == ["single"]


@pytest.mark.parametrize(("count", "expected"), [(1, [9]), (2, [0, 9]), (4, [0, 3, 6, 9]), (20, list(range(10)))])
def test_spread(count, expected):
    assert spread(range(10), count) == expected
