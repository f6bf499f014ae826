"""A network in another precision computes nearly the same function, and does not change."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models import LOGITS, Activations, zoo
from maco_tf.models.precision import tensor_float_32
from maco_tf.parametrizations.phase import PhaseParametrization
from maco_tf.spectrum import imagenet_magnitude
from tests.conftest import Interfering, build_tiny_model, under_policy

CHECKPOINT = Path(__file__).parent / "fixtures" / "flexivit.npz"
HALVES = ("bfloat16", "float16")
PRODUCTS = ("Conv2D", "DepthwiseConv2dNative", "MatMul", "BatchMatMulV2", "Einsum")


def convolutional():
    keras.utils.set_random_seed(0)
    layers = [keras.Input((16, 16, 3)), keras.layers.Rescaling(2.0, -1.0)]
    for width in (8, 16):
        layers += [
            keras.layers.Conv2D(width, 3, padding="same"),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(6.0),
            keras.layers.DepthwiseConv2D(3, strides=2),
        ]
    return keras.Sequential([*layers, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(5, "softmax")])


def attending():
    """Layers with sublayers, with statistics and with a loop, and operations that are not layers."""
    keras.utils.set_random_seed(0)
    statistics = keras.layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.1, 0.2, 0.3])
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 4, strides=4)(keras.layers.Resizing(16, 16)(statistics(inputs)))
    x = keras.layers.Reshape((16, 4))(keras.layers.GroupNormalization(2)(x)) + 0.5
    x = keras.ops.concatenate([x, keras.layers.MultiHeadAttention(2, 2)(x, x)])
    x = keras.layers.EinsumDense("abc,cd->abd", (16, 6))(keras.layers.LayerNormalization()(x))
    x = keras.layers.LSTM(8)(keras.layers.Lambda(lambda y: 2.0 * tf.nn.gelu(y))(x))
    return keras.Model(inputs, keras.layers.Dense(5, activation="softmax")(x))


MODELS = {
    "convolutional": (convolutional, 16),
    "attending": (attending, 16),
    "transformer": (lambda: zoo.flexivit(CHECKPOINT, 6, image_size=24), 24),
}


def compiled(activations, layers=(LOGITS,)):
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            values = activations(x, layers)
            score = activations.gradient_scale * tf.reduce_sum(values[layers[0]][:, 1])
        return values, tape.gradient(score, x)

    spec = tf.TensorSpec((2, *activations.input_shape), tf.float32)
    return tf.function(run, autograph=False).get_concrete_function(spec)


def dtypes_of_products(function):
    """The dtypes of the network's matrix products, also inside loops."""
    graphs = [function.graph, *(getattr(f, "graph", None) for f in function.graph._functions.values())]
    return {
        operation.outputs[0].dtype.name
        for graph in graphs
        if graph is not None
        for operation in graph.get_operations()
        if operation.type in PRODUCTS
    }


def images_for(activations, rng):
    return tf.constant(rng.uniform(size=(2, *activations.input_shape)), tf.float32)


def cosine(a, b):
    a, b = np.ravel(a).astype("float64"), np.ravel(b).astype("float64")
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def state(model):
    """Everything that must not change; the policies must be the same objects, not equal ones."""
    layers = list(model._flatten_layers())
    return (
        [layer.compute_dtype for layer in layers],
        [id(layer._dtype_policy) for layer in layers],
        [sorted(vars(layer)) for layer in layers],
        [variable.numpy().tobytes() for variable in model.variables],
    )


@pytest.mark.parametrize("fold", [False, True], ids=["plain", "folded"])
@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize(
    ("make", "side"),
    [
        pytest.param(*model, id=name, marks=pytest.mark.slow if name != "convolutional" else ())
        for name, model in MODELS.items()
    ],
)
def test_half_precision_has_the_gradient_of_float32_and_the_model_does_not_change(make, side, dtype, fold, rng):
    model = make()
    exact = Activations(model, input_shape=(side, side, 3), fold=fold)
    images = images_for(exact, rng)
    prediction, before = model(images).numpy(), state(model)
    function = compiled(exact.with_precision(dtype))
    assert dtypes_of_products(function) == {dtype}
    (_, wanted), (values, gradient) = compiled(exact)(images), function(images)
    assert gradient.dtype == values[LOGITS].dtype == tf.float32
    assert 0.99 < cosine(wanted, gradient) < 1 - 1e-9
    assert state(model) == before
    np.testing.assert_array_equal(model(images), prediction)


@pytest.mark.network
def test_a_trained_network_in_bfloat16():
    """Near the kinks of many ReLUs and maxima even small rounding counts; here it does less than invisible noise."""
    exact = Activations(zoo.load("squeezenet"), fold=True)
    parametrization = PhaseParametrization(imagenet_magnitude(*exact.input_shape[:2]), 2)
    images = parametrization.image([tf.convert_to_tensor(value) for value in parametrization.initialize(0)])
    noise = 0.002 * tf.random.stateless_normal(images.shape, seed=(0, 0))  # Half a grey level of 255.
    run = compiled(exact)
    wanted, noisy = run(images)[1], run(images + noise)[1]
    found = compiled(exact.with_precision("bfloat16"))(images)[1]
    assert cosine(found, wanted) > max(0.93, cosine(noisy, wanted))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
def test_a_mixed_model_computes_in_float32_if_asked(policy, rng):
    half, full = build_tiny_model(policy=policy), build_tiny_model()
    full.set_weights([np.asarray(weight, "float32") for weight in half.get_weights()])
    activations = Activations(half)
    images = images_for(activations, rng)
    function = compiled(activations.with_precision("float32"))
    assert dtypes_of_products(function) == {"float32"}
    assert dtypes_of_products(compiled(activations)) == {half.compute_dtype}
    for found, wanted in zip(tf.nest.flatten(function(images)), tf.nest.flatten(compiled(Activations(full))(images))):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_the_float32_layers_of_a_mixed_model_stay_in_float32(rng):
    """A float32 head on a half-precision body is there on purpose."""
    with under_policy("mixed_float16"):
        body = [keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()]
        model = keras.Sequential([keras.Input((8, 8, 3)), *body, keras.layers.Dense(3, dtype="float32")])
    found = {
        dtype: dtypes_of_products(compiled(Activations(model).with_precision(dtype)))
        for dtype in (None, "bfloat16", "float32")
    }
    assert found == {None: {"float16", "float32"}, "bfloat16": {"bfloat16", "float32"}, "float32": {"float32"}}


def test_policy_maps_that_layers_share_do_not_change(rng):
    policies = keras.dtype_policies.DTypePolicyMap(keras.DTypePolicy("float32"))
    policies[".*second"] = keras.DTypePolicy("mixed_float16")
    layers = [keras.layers.Conv2D(4, 3, dtype=policies, name=name) for name in ("first", "second")]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers, keras.layers.Flatten()])
    before, written = state(model), dict(policies)
    assert dtypes_of_products(compiled(Activations(model).with_precision("float32"))) == {"float32"}
    assert dtypes_of_products(compiled(Activations(model).with_precision("bfloat16"))) == {"float32", "bfloat16"}
    assert state(model) == before
    assert dict(policies) == written


def test_only_float16_scales_the_gradient():
    for policy, dtype, scale in (
        ("float32", None, 1),
        ("float32", "float16", 1024),
        ("float32", "bfloat16", 1),
        ("mixed_float16", None, 1024),
        ("mixed_float16", "float32", 1),
        ("mixed_float16", "bfloat16", 1),
    ):
        assert Activations(build_tiny_model(policy=policy)).with_precision(dtype).gradient_scale == scale


class Compiled(keras.layers.Layer):
    """A block that runs inside its own tf.function."""

    def __init__(self):
        super().__init__(name="block")
        self.inner = keras.layers.Conv2D(4, 3, name="inner")

    def build(self, shape):
        self.inner.build(shape)

    @tf.function
    def call(self, x):
        return self.inner(x)


def test_a_function_inside_the_model_keeps_its_precision(rng):
    """Its trace serves the model afterwards, so it must not contain another precision."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8, 8, 3)), Compiled(), keras.layers.Flatten(), keras.layers.Dense(3)])
    activations = Activations(model)
    images = images_for(activations, rng)
    expected = model.layers[-1](model.layers[1](model.layers[0].inner(images)))
    with pytest.warns(UserWarning, match="bfloat16 does not reach 'inner'.*float32.*tf.function"):
        function = compiled(activations.with_precision("bfloat16"))
    assert dtypes_of_products(function) == {"bfloat16", "float32"}
    np.testing.assert_allclose(model(images), expected, atol=1e-6)
    assert model(images).dtype == tf.float32


def test_eager_calls_and_errors_while_a_function_is_traced(rng):
    inner = build_tiny_model()
    images = images_for(Activations(inner), rng)
    layer, inputs = Interfering(lambda: inner(images)), keras.Input((16, 16, 3))
    model = keras.Model(inputs, layer(inner(inputs)))
    before = state(model)
    layer.armed = True
    with pytest.raises(RuntimeError, match="in the middle"):
        compiled(Activations(model).with_precision("bfloat16"))
    assert state(model) == before
    np.testing.assert_array_equal(layer.returned[0], inner(images))


def test_a_precision_that_does_not_suit_the_model_is_refused():
    inputs = keras.Input((8, 8, 3))
    fixed = keras.layers.Lambda(lambda x: x + tf.constant([1.0]))(keras.layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Flatten()(fixed))
    with pytest.raises(ValueError, match=r"\"precision\" must be one in which .*'bfloat16'"):
        Activations(model).with_precision("bfloat16").shapes([LOGITS])
    assert Activations(model).with_precision("float32").shapes([LOGITS]) == {LOGITS: (144,)}
    for value in ("half", tf.float16, 16):
        with pytest.raises(ValueError, match=r'"precision" must be one of .*Received'):
            Activations(model).with_precision(value)


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_quantised_models_are_refused():
    model = build_tiny_model()
    model.quantize("int8")
    for dtype in ("float32", "bfloat16", "float16"):
        with pytest.raises(ValueError, match=r'"precision" must be None for a quantised model.*int8'):
            Activations(model).with_precision(dtype)


def interrupted(wanted):
    """A run with TensorFloat-32 on or off that the user interrupts."""
    with tensor_float_32(wanted):
        yield tf.config.experimental.tensor_float_32_execution_enabled()
        raise KeyboardInterrupt


@pytest.mark.parametrize("before", [True, False])
def test_tensor_float_32_is_restored_after_an_interruption(before):
    enabled = tf.config.experimental.tensor_float_32_execution_enabled
    found = enabled()
    try:
        tf.config.experimental.enable_tensor_float_32_execution(before)
        for wanted in (True, False, None):
            run = interrupted(wanted)
            assert next(run) is (before if wanted is None else wanted)
            with pytest.raises(KeyboardInterrupt):
                next(run)
            assert enabled() is before
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(found)
