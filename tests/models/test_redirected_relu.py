"""Gradients through ReLUs that are off."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Channel, FourierVisualizer, MacoVisualizer
from maco_tf.models.redirected_relu import redirected_relus


def gradient(x, upstream, active, function=lambda x: tf.nn.relu(x)):
    @tf.function(autograph=False)
    def run(x, upstream, active):
        with redirected_relus(active), tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
            loss = tf.reduce_sum(upstream * y)
        return y, tape.gradient(loss, x)

    return [value.numpy() for value in run(tf.constant(x), tf.constant(upstream), tf.constant(active))]


X = np.array([[-1.0, -2.0, -3.0], [-1.0, 2.0, 7.0]], "float32")
UPSTREAM = np.array([[-1.0, 2.0, -3.0], [-4.0, -5.0, -6.0]], "float32")


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.nn.relu(x),
        keras.ops.relu,
        keras.activations.relu,
        keras.layers.ReLU(),
        keras.layers.Activation("relu"),
    ],
)
def test_gradients_by_hand(function):
    y, redirected = gradient(X, UPSTREAM, True, function)
    assert np.array_equal(y, np.maximum(X, 0))
    # The first row is off: a gradient passes if it would raise the input. The second row is on and keeps its gradient.
    assert np.array_equal(redirected, [[-1, 0, -3], [0, -5, -6]])
    assert np.array_equal(gradient(X, UPSTREAM, False, function)[1], [[0, 0, 0], [0, -5, -6]])


def test_no_gradient_passes_on_the_plateau_of_relu6():
    for function in (lambda x: tf.nn.relu6(x), keras.layers.ReLU(max_value=6)):
        y, redirected = gradient(X, UPSTREAM, True, function)
        assert np.array_equal(y, np.clip(X, 0, 6))
        assert np.array_equal(redirected, [[-1, 0, -3], [0, -5, 0]])


def test_functions_are_restored_even_after_an_error():
    before = (tf.nn.relu, tf.nn.relu6)

    def failing():
        with redirected_relus(tf.constant(True)):
            assert tf.nn.relu is not before[0]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        failing()
    assert (tf.nn.relu, tf.nn.relu6) == before


def test_a_channel_that_is_off_turns_on():
    # The channels need a lightness above two thirds, and images start grey.
    inputs = keras.Input((16, 16, 3))
    settings = {"kernel_initializer": "ones", "bias_initializer": keras.initializers.Constant(-2.0)}
    x = keras.layers.Conv2D(4, 1, activation="relu", name="conv", **settings)(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    weights = [weight.copy() for weight in model.get_weights()]
    objective = Channel("conv", 1)
    settings = {"steps": 20, "crops": 2, "transforms": [], "image_size": "input", "learning_rate": 0.5}
    with pytest.warns(UserWarning, match="relu_warmup=16"):
        off = FourierVisualizer(model, **settings).explain(objective, seed=0, verbose=0)
    assert not off.scores.any()
    on = FourierVisualizer(model, relu_warmup=16, **settings).explain(objective, seed=0, verbose=0)
    assert not on.scores[0].any()
    assert on.scores[-1] > 0
    assert all(np.array_equal(before, after) for before, after in zip(weights, model.get_weights()))


def test_layers_that_hold_the_function_itself_are_redirected_and_restored():
    layer = keras.layers.Conv2D(1, 1, activation=tf.nn.relu, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((1, 3, 1)), layer])
    x, upstream = X.reshape(2, 1, 3, 1), UPSTREAM.reshape(2, 1, 3, 1)

    @tf.function(autograph=False)
    def run(x, upstream):
        with redirected_relus(tf.constant(True), model), tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(upstream * model(x))
        return tape.gradient(loss, x)

    assert np.array_equal(run(tf.constant(x), tf.constant(upstream)).numpy().reshape(2, 3), [[-1, 0, -3], [0, -5, -6]])
    assert layer.activation is tf.nn.relu


@pytest.mark.slow
def test_gradients_are_the_usual_ones_after_the_warm_up():
    # The channel is on from the start, so the warm-up changes nothing.
    keras.utils.set_random_seed(1)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    settings = {"steps": 5, "crops": 2, "image_size": 24}
    objective = Channel("conv", 0)
    plain, warm = (
        MacoVisualizer(model, relu_warmup=count, **settings).explain(objective, seed=0, verbose=0) for count in (0, 3)
    )
    assert plain.scores.all()
    np.testing.assert_allclose(plain.images, warm.images, atol=1e-5)
    with pytest.raises(ValueError, match='"relu_warmup"'):
        MacoVisualizer(model, relu_warmup=-1)
