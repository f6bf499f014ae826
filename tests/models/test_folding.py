"""Batch normalisation folded into the convolution before it: the same values, without Keras's normalisation."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models import LOGITS, Activations
from maco_tf.models.redirected_relu import redirected_relus
from maco_tf.models.splitting import last_feature_maps, logits_behind
from maco_tf.models.tracing import exchanged
from maco_tf.objectives import Channel, Logit
from maco_tf.visualizers import MacoVisualizer
from tests.conftest import Interfering

CALL = keras.layers.BatchNormalization.call


def normalization(name=None, **settings):
    """A normalisation with statistics as in a trained network; the identity would hide all mistakes."""
    random = {
        "moving_mean_initializer": keras.initializers.RandomNormal(stddev=0.5, seed=1),
        "moving_variance_initializer": keras.initializers.RandomUniform(0.2, 2.0, seed=2),
        "beta_initializer": keras.initializers.RandomNormal(stddev=0.5, seed=3),
        "gamma_initializer": keras.initializers.RandomUniform(0.5, 1.5, seed=4),
    }
    return keras.layers.BatchNormalization(**random, name=name, **settings)


def sequential(*layers, shape=(10, 9, 3)):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input(shape), *layers], name="sequence")


def compiled(activations, layers, *, jit_compile=False, relu_warmup=False):
    """A concrete function from images to the layers' values and to the gradient of a smooth score of them."""

    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            if relu_warmup:
                with redirected_relus(tf.constant(True), activations.model):
                    values = activations(x, layers)
            else:
                values = activations(x, layers)
            score = sum(tf.reduce_mean(tf.sin(value + 0.3)) for value in values.values())
        return values, tape.gradient(score, x)

    spec = tf.TensorSpec((2, *activations.input_shape), tf.float32)
    return tf.function(run, autograph=False, jit_compile=jit_compile).get_concrete_function(spec)


@contextlib.contextmanager
def normalized_by_keras():
    """Record the names of the layers that Keras normalises inside the block; a folded layer is not among them."""
    names = []

    def recording(call):
        def wrapper(self, *arguments, **settings):
            names.append(self.name)
            return call(self, *arguments, **settings)

        return wrapper

    with exchanged([(keras.layers.BatchNormalization, "call", recording)]):
        yield names


def compare(model, layers, rng, *, tolerance=1e-5, **settings):
    """Check that folding changes rounding only; returns the names of the layers that were not folded."""
    plain = compiled(Activations(model), layers, **settings)
    with normalized_by_keras() as names:
        folded = compiled(Activations(model, fold=True), layers, **settings)
    images = tf.constant(rng.normal(size=(2, *model.input_shape[1:])), tf.float32)
    (wanted, expected), (found, gradient) = plain(images), folded(images)
    for layer in layers:
        np.testing.assert_allclose(found[layer], wanted[layer], atol=tolerance * np.abs(wanted[layer]).max())
    assert np.linalg.norm(gradient - expected) <= tolerance * np.linalg.norm(expected)
    assert keras.layers.BatchNormalization.call is CALL
    return names


CONVOLUTIONS = {
    "plain": lambda: [keras.layers.Conv2D(6, 3, use_bias=False)],
    "bias": lambda: [keras.layers.Conv2D(6, 3, padding="same", bias_initializer="normal")],
    "strides": lambda: [keras.layers.Conv2D(6, (3, 2), strides=2, bias_initializer="normal")],
    "depthwise": lambda: [keras.layers.DepthwiseConv2D(3, use_bias=False, strides=2, padding="same")],
    "multiplied": lambda: [keras.layers.DepthwiseConv2D(3, depth_multiplier=4, bias_initializer="normal")],
    "separable": lambda: [keras.layers.SeparableConv2D(6, 3, bias_initializer="normal")],
    "dropout": lambda: [keras.layers.Conv2D(6, 3), keras.layers.Dropout(0.5)],
    "explicit padding": lambda: [
        keras.layers.Lambda(lambda x: tf.nn.conv2d(x, tf.ones((3, 2, 3, 6)), 1, [[0, 0], [2, 1], [0, 3], [0, 0]]))
    ],
    "sum with a bias": lambda: [
        keras.layers.Lambda(
            lambda x: tf.reshape(tf.range(6.0), (1, 1, 1, 6)) + tf.nn.conv2d(x, tf.ones((3, 2, 3, 6)), 1, "SAME")
        )
    ],
}


@pytest.mark.parametrize(
    "jit_compile", [pytest.param(False, id="plain"), pytest.param(True, id="xla", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("make", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_values_and_gradients_agree_with_keras(make, jit_compile, rng):
    """The activation has no kinks, so the two differ by rounding only."""
    model = sequential(*make(), normalization("norm"), keras.layers.Activation("swish"), keras.layers.Conv2D(2, 1))
    assert compare(model, ["norm", LOGITS], rng, jit_compile=jit_compile) == []


@pytest.mark.parametrize(
    "settings",
    [{"scale": False}, {"center": False}, {"epsilon": 0.3}, {"axis": 3}, {"synchronized": True}, {"trainable": False}],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_of_the_normalisation(settings, rng):
    model = sequential(keras.layers.Conv2D(6, 3, bias_initializer="normal"), normalization("norm", **settings))
    assert compare(model, ["norm"], rng) == []


class Derived(keras.layers.BatchNormalization):
    """A derived class that computes something else."""

    def call(self, inputs, training=None, mask=None):
        return 2.0 * super().call(inputs, training=training, mask=mask)


class Compiled(keras.layers.Layer):
    """A block that runs inside its own tf.function."""

    def __init__(self):
        super().__init__()
        self.convolution, self.norm = keras.layers.Conv2D(4, 3), normalization("inner_norm")

    def build(self, shape):
        self.convolution.build(shape)
        self.norm.build(self.convolution.compute_output_shape(shape))

    @tf.function
    def call(self, x):
        return self.norm(self.convolution(x))


UNTOUCHED = {
    "derived": lambda: [keras.layers.Conv2D(6, 3), Derived(name="derived", moving_mean_initializer="ones")],
    "renorm": lambda: [keras.layers.Conv2D(6, 3), normalization(renorm=True)],
    "rows": lambda: [keras.layers.Conv2D(6, 3), normalization(axis=1)],
    "pooled": lambda: [keras.layers.Conv2D(6, 3), keras.layers.MaxPooling2D(), normalization()],
    "activated": lambda: [keras.layers.Conv2D(6, 3, activation="tanh"), normalization()],
    "transposed": lambda: [keras.layers.Conv2DTranspose(6, 3), normalization()],
    "dense": lambda: [keras.layers.Dense(6), normalization()],
    "at the input": lambda: [normalization()],
    "dilated": lambda: [keras.layers.Conv2D(6, 3, dilation_rate=2), normalization()],
    "groups": lambda: [keras.layers.Conv2D(6, 3, groups=3), normalization()],
    "own function": lambda: [Compiled()],
}


@pytest.mark.parametrize("make", UNTOUCHED.values(), ids=UNTOUCHED)
def test_layers_that_cannot_be_folded_compute_the_same_bits(make, rng):
    compare(sequential(*make(), keras.layers.Activation("swish")), [LOGITS], rng, tolerance=0)


@pytest.mark.slow
def test_normalisation_of_frames_and_of_vectors(rng):
    frames = keras.layers.TimeDistributed(keras.layers.Conv1D(6, 3))
    model = sequential(frames, keras.layers.TimeDistributed(normalization()), keras.layers.Flatten(), normalization())
    compare(model, [LOGITS], rng)


@pytest.mark.parametrize("layers", [["conv"], ["conv", "norm"], ["norm", LOGITS]], ids="-".join)
def test_a_convolution_that_is_read_keeps_its_values_and_is_not_folded(layers, rng):
    model = sequential(
        keras.layers.Conv2D(6, 3, name="conv", bias_initializer="normal"), normalization("norm"), keras.layers.ReLU()
    )
    images = rng.normal(size=(2, 10, 9, 3)).astype("float32")
    names = compare(model, layers, rng, tolerance=1e-5 if "conv" in layers else 1e-2)
    assert names == (["norm"] if "conv" in layers else [])
    if "conv" in layers:
        folded = compiled(Activations(model, fold=True), layers)
        np.testing.assert_array_equal(folded(tf.constant(images))[0]["conv"], model.get_layer("conv")(images))


def residual():
    """A convolution read by a normalisation and by a skip connection, as in ResNetV2."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    stem = keras.layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv")(keras.activations.swish(normalization("first")(stem)))
    x = keras.layers.Conv2D(4, 3, padding="same")(keras.activations.swish(normalization("second")(x)))
    return keras.Model(inputs, keras.layers.Add()([stem, x]))


def test_a_convolution_with_other_readers_is_not_folded_again(rng):
    """It would have to run twice. The first trace, as a visualizer makes it before it compiles, finds out."""
    model = residual()
    activations = Activations(model, fold=True)
    with normalized_by_keras() as names:
        activations.shapes([LOGITS])
    assert names == []
    with normalized_by_keras() as names:
        compiled(activations, [LOGITS])
    assert names == ["first"]
    compare(model, [LOGITS], rng)


@pytest.mark.slow
def test_all_normalisations_of_a_real_architecture_are_folded(rng):
    """The first blocks of MobileNetV2."""
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), alpha=0.35, include_top=False)
    model = keras.Model(model.input, model.get_layer("block_4_add").output)
    # Its ReLU6 has kinks, near which rounding changes a gradient.
    assert compare(model, [LOGITS], rng, tolerance=1e-2) == []


def test_redirected_relus_redirect_the_same_gradients(rng):
    model = sequential(keras.layers.Conv2D(6, 3), normalization(), keras.layers.ReLU(), keras.layers.Conv2D(2, 1))
    compare(model, [LOGITS], rng, tolerance=1e-2, relu_warmup=True)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_is_as_accurate_as_without_folding(policy, rng):
    """Kernels are scaled in float32 and rounded only once."""
    layers = [keras.layers.Conv2D(6, 3, dtype=policy), normalization("norm", dtype=policy)]
    half = sequential(*layers)
    full = sequential(keras.layers.Conv2D(6, 3), normalization("norm"))
    full.set_weights(half.get_weights())
    images = tf.constant(rng.normal(size=(2, 10, 9, 3)), tf.float32)
    truth = compiled(Activations(full), ["norm"])(images)[0]["norm"]
    errors = [
        np.abs(compiled(Activations(half, fold=fold), ["norm"])(images)[0]["norm"] - truth).mean()
        for fold in (False, True)
    ]
    assert 0 < errors[1] < 1.5 * errors[0]


@pytest.mark.slow
def test_a_network_split_behind_a_convolution(rng):
    model = sequential(
        keras.layers.Conv2D(6, 3, name="conv"), normalization(), keras.layers.Flatten(), keras.layers.Dense(3)
    )
    images = rng.normal(size=(2, 10, 9, 3)).astype("float32")
    values = model.get_layer("conv")(images).numpy()
    kernel = tf.constant(np.eye(6, dtype="float32")[None, None])

    def second_part(activations):
        # The values come from a convolution, into which the normalisation must not be folded.
        return tf.function(lambda v: logits_behind(activations, "conv", tf.nn.conv2d(v, kernel, 1, "SAME")))(values)

    for fold in (False, True):
        np.testing.assert_allclose(second_part(Activations(model, fold=fold)), model(images), atol=1e-5)
    found = last_feature_maps(Activations(model, fold=True), images, lambda maps: tf.constant(True))
    assert found == last_feature_maps(Activations(model), images, lambda maps: tf.constant(True))


def test_a_function_inside_the_model_keeps_no_folded_layer(rng):
    """It is traced for the first time while the layers are exchanged, and the model uses the trace afterwards."""
    images = rng.normal(size=(2, 10, 9, 3)).astype("float32")
    expected = sequential(Compiled())(images)
    model = sequential(Compiled())
    with pytest.warns(UserWarning, match="tf.function"):
        compiled(Activations(model, fold=True), [LOGITS])
    np.testing.assert_array_equal(model(images), expected)


def test_eager_calls_and_errors_while_a_function_is_traced(rng):
    model = sequential(keras.layers.Conv2D(6, 3), normalization())
    images = rng.normal(size=(2, 10, 9, 3)).astype("float32")
    layer, inputs = Interfering(lambda: model(images)), keras.Input((10, 9, 3))
    activations = Activations(keras.Model(inputs, layer(model(inputs))), fold=True)
    layer.armed = True
    with pytest.raises(RuntimeError, match="in the middle"):
        compiled(activations, [LOGITS])
    assert keras.layers.BatchNormalization.call is CALL
    np.testing.assert_array_equal(layer.returned[0], model(images))


@pytest.mark.slow
@pytest.mark.parametrize("objective", [Channel("conv", 1), Channel("norm", 1), Logit(1)], ids=["conv", "norm", "logit"])
def test_scores_of_visualizers_rise_with_folded_layers(objective):
    model = sequential(
        keras.layers.Conv2D(6, 3, name="conv"),
        normalization("norm"),
        keras.layers.ReLU(),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3),
        shape=(16, 16, 3),
    )
    weights = [weight.copy() for weight in model.get_weights()]
    explanation = MacoVisualizer(model, steps=20, crops=2, image_size=32).explain(objective, seed=0, verbose=0)
    assert explanation.scores[-5:].mean() > explanation.scores[:5].mean()
    for weight, before in zip(model.get_weights(), weights):
        np.testing.assert_array_equal(weight, before)
