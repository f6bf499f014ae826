"""Batch normalisation inside the convolution before it: the same numbers by fewer operations."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models import LOGITS, Activations
from maco_tf.models.redirected_relu import redirected_relus
from maco_tf.models.splitting import last_feature_maps, logits_behind
from maco_tf.objectives import Channel, Logit
from maco_tf.visualizers import MacoVisualizer
from tests.conftest import Interfering

CALL = keras.layers.BatchNormalization.call


def normalization(name=None, **settings):
    """With statistics as of a trained network: the identity would hide every mistake."""
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
    """The layers' values and the images' gradient of a smooth score of them, as a concrete function."""

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


def needed(function):
    """Types of the operations that a function's results depend on."""
    found, waiting = {}, [tensor.op for tensor in function.outputs]
    while waiting:
        operation = waiting.pop()
        if operation.name not in found:
            found[operation.name] = operation.type
            waiting += [tensor.op for tensor in operation.inputs]
    return list(found.values())


def is_folded(function):
    """Keras's normalisation multiplies the maps, a batch of two, by a vector; folded, kernels alone are."""
    return not any(
        operation.type == "Mul" and operation.outputs[0].shape[:1] == [2] and operation.inputs[1].shape.rank == 1
        for operation in function.graph.get_operations()
    )


def compare(model, layers, rng, *, tolerance=1e-5, **settings):
    plain = compiled(Activations(model), layers, **settings)
    folded = compiled(Activations(model, fold=True), layers, **settings)
    images = tf.constant(rng.normal(size=(2, *model.input_shape[1:])), tf.float32)
    (wanted, expected), (found, gradient) = plain(images), folded(images)
    for layer in layers:
        np.testing.assert_allclose(found[layer], wanted[layer], atol=tolerance * np.abs(wanted[layer]).max())
    assert np.linalg.norm(gradient - expected) < tolerance * np.linalg.norm(expected)
    assert keras.layers.BatchNormalization.call is CALL
    return plain, folded


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


@pytest.mark.parametrize("jit_compile", [False, True], ids=["plain", "xla"])
@pytest.mark.parametrize("make", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_values_and_gradients_are_kerass(make, jit_compile, rng):
    """Without kinks, the two agree to rounding."""
    model = sequential(*make(), normalization("norm"), keras.layers.Activation("swish"), keras.layers.Conv2D(2, 1))
    plain, folded = compare(model, ["norm", LOGITS], rng, jit_compile=jit_compile)
    assert is_folded(folded)
    assert not is_folded(plain)


@pytest.mark.parametrize(
    "settings",
    [{"scale": False}, {"center": False}, {"epsilon": 0.3}, {"axis": 3}, {"synchronized": True}, {"trainable": False}],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_of_the_layer(settings, rng):
    model = sequential(keras.layers.Conv2D(6, 3, bias_initializer="normal"), normalization("norm", **settings))
    _, folded = compare(model, ["norm"], rng)
    assert is_folded(folded)


class Derived(keras.layers.BatchNormalization):
    """Another layer, by its own account."""

    def call(self, inputs, training=None, mask=None):
        return 2.0 * super().call(inputs, training=training, mask=mask)


class Compiled(keras.layers.Layer):
    """A block that is a tf.function of its own."""

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
def test_what_cannot_be_folded_is_kerass_own(make, rng):
    model = sequential(*make(), keras.layers.Activation("swish"))
    plain, folded = compare(model, [LOGITS], rng)
    assert sorted(needed(plain)) == sorted(needed(folded))


def test_normalisation_of_each_frame_and_of_vectors(rng):
    frames = keras.layers.TimeDistributed(keras.layers.Conv1D(6, 3))
    model = sequential(frames, keras.layers.TimeDistributed(normalization()), keras.layers.Flatten(), normalization())
    compare(model, [LOGITS], rng)


def test_the_convolution_itself_gives_what_it_gives(rng):
    model = sequential(
        keras.layers.Conv2D(6, 3, name="conv", bias_initializer="normal"), normalization("norm"), keras.layers.ReLU()
    )
    images = rng.normal(size=(2, 10, 9, 3)).astype("float32")
    for layers in (["conv"], ["conv", "norm"], ["norm", LOGITS]):
        _, folded = compare(model, layers, rng, tolerance=1e-5 if "conv" in layers else 1e-2)
        if "conv" in layers:
            np.testing.assert_array_equal(folded(tf.constant(images))[0]["conv"], model.get_layer("conv")(images))
            # And it does not run twice for that.
            assert needed(folded).count("Conv2D") == 1


def residual():
    """A convolution read by a normalisation and by the way around it, as in the second ResNets."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    stem = keras.layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv")(keras.activations.swish(normalization("first")(stem)))
    x = keras.layers.Conv2D(4, 3, padding="same")(keras.activations.swish(normalization("second")(x)))
    return keras.Model(inputs, keras.layers.Add()([stem, x]))


def test_a_convolution_with_other_readers_does_not_run_twice(rng):
    model = residual()
    plain, activations = Activations(model), Activations(model, fold=True)
    activations.shapes([LOGITS])  # As a visualizer asks before it compiles.
    counts = [needed(compiled(item, [LOGITS])).count("Conv2D") for item in (plain, activations)]
    assert counts == [3, 3]
    assert [layer.name for layer in model.layers if id(layer) in activations._shared] == ["first"]
    compare(model, [LOGITS], rng)


def test_a_real_architecture_has_fewer_operations_on_maps(rng):
    """The first blocks of MobileNetV2: each convolution once, and less for each layer folded."""
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), alpha=0.35, include_top=False)
    model = keras.Model(model.input, model.get_layer("block_4_add").output)
    plain, folded = (compiled(Activations(model, fold=fold), [LOGITS]) for fold in (False, True))
    before, after = collections.Counter(needed(plain)), collections.Counter(needed(folded))
    for kind in before:
        if "Conv2D" in kind or "DepthwiseConv2d" in kind:
            assert after[kind] == before[kind], kind
    layers = sum(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers)
    # Two products of maps less, forward and backward, for one of the kernel; and the sum is a bias.
    assert before["Mul"] - after["Mul"] == layers
    assert after["BiasAdd"] - before["BiasAdd"] == layers
    images = tf.constant(rng.uniform(size=(2, 32, 32, 3)), tf.float32)
    (wanted, expected), (found, gradient) = plain(images), folded(images)
    np.testing.assert_allclose(found[LOGITS], wanted[LOGITS], atol=1e-5 * np.abs(wanted[LOGITS]).max())
    assert np.linalg.norm(gradient - expected) < 1e-2 * np.linalg.norm(expected)


def test_redirected_relus_find_the_same_units(rng):
    model = sequential(keras.layers.Conv2D(6, 3), normalization(), keras.layers.ReLU(), keras.layers.Conv2D(2, 1))
    compare(model, [LOGITS], rng, tolerance=1e-2, relu_warmup=True)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_is_as_near_to_the_truth(policy, rng):
    """Kernels are scaled in float32 and rounded once."""
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
    folded = compiled(Activations(half, fold=True), ["norm"])
    kernel = [op for op in folded.graph.get_operations() if op.type == "Conv2D"][-1].inputs[1]
    assert kernel.dtype == tf.as_dtype(half.layers[0].compute_dtype)
    assert kernel.op.inputs[0].dtype == tf.float32


def test_the_rest_of_a_network_behind_a_convolution(rng):
    model = sequential(
        keras.layers.Conv2D(6, 3, name="conv"), normalization(), keras.layers.Flatten(), keras.layers.Dense(3)
    )
    images = rng.normal(size=(2, 10, 9, 3)).astype("float32")
    values = model.get_layer("conv")(images).numpy()
    kernel = tf.constant(np.eye(6, dtype="float32")[None, None])

    def rest(activations):
        # The values come out of a convolution themselves.
        return tf.function(lambda v: logits_behind(activations, "conv", tf.nn.conv2d(v, kernel, 1, "SAME")))(values)

    for fold in (False, True):
        np.testing.assert_allclose(rest(Activations(model, fold=fold)), model(images), atol=1e-5)
    found = last_feature_maps(Activations(model, fold=True), images, lambda maps: tf.constant(True))
    assert found == last_feature_maps(Activations(model), images, lambda maps: tf.constant(True))


def test_a_function_of_the_models_own_keeps_no_trace_of_it(rng):
    """Traced for the first time while the layers are exchanged, and used by the model afterwards."""
    images = rng.normal(size=(2, 10, 9, 3)).astype("float32")
    expected = sequential(Compiled())(images)
    model = sequential(Compiled())
    with pytest.warns(UserWarning, match="tf.function"):
        compiled(Activations(model, fold=True), [LOGITS])
    np.testing.assert_array_equal(model(images), expected)


def test_eager_calls_meanwhile_and_errors_in_the_middle(rng):
    model = sequential(keras.layers.Conv2D(6, 3), normalization())
    images = rng.normal(size=(2, 10, 9, 3)).astype("float32")
    layer, inputs = Interfering(lambda: model(images)), keras.Input((10, 9, 3))
    activations = Activations(keras.Model(inputs, layer(model(inputs))), fold=True)
    layer.armed = True
    with pytest.raises(RuntimeError, match="in the middle"):
        compiled(activations, [LOGITS])
    assert keras.layers.BatchNormalization.call is CALL
    np.testing.assert_array_equal(layer.returned[0], model(images))


@pytest.mark.parametrize("objective", [Channel("conv", 1), Channel("norm", 1), Logit(1)], ids=["conv", "norm", "logit"])
def test_visualizers_fold_and_the_scores_rise(objective):
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
