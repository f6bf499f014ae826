"""The logits behind every way to end in a softmax or sigmoid, and a warning where there are none."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from maco_tf.models import LOGITS as REFERENCE
from maco_tf.models import Activations
from maco_tf.models.final_activation import is_softmax, pre_activation, probabilities

LOGITS = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], "float32")


def traced(function, *arguments):
    return tf.function(function, autograph=False)(*map(tf.constant, arguments))


def stable_softmax(x):
    exponentials = tf.exp(x - tf.reduce_max(x, axis=-1, keepdims=True))
    return exponentials / tf.reduce_sum(exponentials, axis=-1, keepdims=True)


def normalized(x):
    exponentials = ops.exp(x)
    return exponentials / (ops.sum(exponentials, axis=-1, keepdims=True) + 1e-7)


SAME = {
    "softmax": tf.nn.softmax,
    "log softmax": tf.nn.log_softmax,
    "sigmoid": tf.sigmoid,
    "reshaped": lambda x: tf.identity(tf.squeeze(tf.reshape(tf.sigmoid(x), (2, 1, 3)), 1)),
    "tf.clip_by_value": lambda x: tf.clip_by_value(tf.nn.softmax(x), 1e-7, 1 - 1e-7),
    "keras.ops.clip": lambda x: ops.clip(ops.sigmoid(x), 1e-7, 1 - 1e-7),
    "maximum": lambda x: tf.maximum(tf.nn.softmax(x), 1e-3),
    "joined": lambda x: tf.concat([tf.sigmoid(x[:, :1]), tf.sigmoid(x[:, 1:])], axis=1),
    "joined and clipped": lambda x: ops.clip(ops.concatenate([ops.sigmoid(x[:, :2]), ops.sigmoid(x[:, 2:])], 1), 0, 1),
    "stacked": lambda x: tf.stack([tf.sigmoid(x[:, index]) for index in range(3)], axis=1),
    "half precision": lambda x: tf.cast(tf.nn.softmax(tf.cast(x, "bfloat16")), "float32"),
    "another axis": lambda x: tf.squeeze(tf.transpose(tf.nn.softmax(tf.transpose(x)[None], axis=1), (0, 2, 1)), 0),
    "written softmax": lambda x: tf.exp(x) / tf.reduce_sum(tf.exp(x), axis=-1, keepdims=True),
    "written once": normalized,
    "shifted softmax": stable_softmax,
    "written with keras.ops": lambda x: (
        ops.exp(x - ops.max(x, 1, True)) / ops.sum(ops.exp(x - ops.max(x, 1, True)), 1, True)
    ),
    "exp of log softmax": lambda x: tf.exp(tf.nn.log_softmax(x)),
    "exp less logsumexp": lambda x: tf.exp(x - tf.reduce_logsumexp(x, axis=-1, keepdims=True)),
    "reciprocal": lambda x: tf.exp(x) * tf.math.reciprocal(tf.reduce_sum(tf.exp(x), axis=-1, keepdims=True)),
    "written sigmoid": lambda x: 1 / (1 + tf.exp(-x)),
    "reciprocal sigmoid": lambda x: tf.math.reciprocal(1 + ops.exp(-x)),
    "log of softmax": lambda x: tf.math.log(tf.nn.softmax(x) + 1e-7),
}


@pytest.mark.parametrize("kind", SAME)
def test_the_logits_are_found(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = traced(lambda x: pre_activation(SAME[kind](x)), LOGITS)
    np.testing.assert_allclose(found, LOGITS, atol=1e-6)


def test_values_that_are_moved_keep_their_order():
    """Each class keeps its own logit when probabilities are sliced, gathered, and joined with other values."""

    def output(x):
        chosen = tf.gather(tf.nn.softmax(x), [2, 0], axis=1)
        return tf.concat([chosen[:, 1:], x[:, 1:2], tf.sigmoid(x)[:, ::-1]], axis=1)

    np.testing.assert_array_equal(traced(lambda x: pre_activation(output(x)), LOGITS), LOGITS[:, [0, 1, 2, 1, 0]])


@pytest.mark.parametrize(
    "output",
    [
        tf.identity,
        tf.nn.relu,
        tf.tanh,
        lambda x: x * tf.sigmoid(x),
        lambda x: tf.concat([x, 2 * x], axis=1),
        lambda x: tf.matmul(tf.nn.softmax(x), tf.ones((3, 3))),
        lambda x: tf.exp(x) / tf.reduce_sum(tf.exp(2 * x), axis=-1, keepdims=True),
        lambda x: x / (1 + tf.exp(-x)),
    ],
)
def test_other_outputs_stay_as_they_are_without_a_warning(output):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = traced(lambda x: pre_activation(output(x)), LOGITS)
    np.testing.assert_array_equal(found, traced(output, LOGITS))


@pytest.mark.parametrize(
    "output",
    [
        lambda x: (tf.nn.softmax(x) + tf.nn.softmax(2 * x)) / 2,
        lambda x: tf.reduce_mean(tf.stack([tf.nn.softmax(x), tf.nn.softmax(2 * x)]), axis=0),
        lambda x: 0.9 * tf.nn.softmax(x) + 0.1 / 3,
        lambda x: tf.reduce_max(tf.sigmoid(tf.stack([x, 2 * x], axis=1)), axis=1),
        lambda x: tf.sigmoid(x) * tf.nn.softmax(x),
        lambda x: 1 - tf.sigmoid(x),
        lambda x: ops.clip((stable_softmax(x) + normalized(x)) / 2, 0, 1),
        lambda x: tf.concat([(tf.sigmoid(x) + tf.sigmoid(2 * x)) / 2, x], axis=1),
    ],
)
def test_probabilities_without_logits_are_warned_of(output):
    with pytest.warns(UserWarning, match="a probability, whose gradient vanishes"):
        found = traced(lambda x: pre_activation(output(x)), LOGITS)
    np.testing.assert_array_equal(found, traced(output, LOGITS))


def test_the_warning_names_layers_whose_logits_can_be_read(rng):
    """Following the advice maximises the logits of both networks."""
    inputs = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    first = keras.layers.Dense(4, activation="softmax", name="first")(pooled)
    second = keras.layers.Dense(4, activation="softmax", name="second")(pooled)
    model = keras.Model(inputs, keras.layers.Average()([first, second]))
    activations = Activations(model)
    with pytest.warns(UserWarning, match=r'Neuron\("first:logits", class\) \+ Neuron\("second:logits", class\)'):
        activations.shapes([REFERENCE])
    images = rng.uniform(size=(2, 8, 8, 3)).astype("float32")
    layer = model.get_layer("second")
    found = tf.function(lambda x: activations(x, ["second:logits"]), autograph=False)(images)["second:logits"]
    np.testing.assert_allclose(found, images.mean((1, 2)) @ layer.kernel + layer.bias, atol=1e-5)


@pytest.mark.parametrize("hidden", [False, True])
def test_models_that_join_or_clip_their_heads(hidden, rng):
    """The logits of two sigmoid heads that Keras concatenates, against the weights; a SavedModel hides them."""
    inputs = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    heads = [keras.layers.Dense(2, activation="sigmoid", name=name) for name in ("left", "right")]
    joined = keras.layers.Concatenate()([head(pooled) for head in heads])
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: ops.clip(x, 1e-6, 1 - 1e-6))(joined))
    images = rng.uniform(size=(2, 8, 8, 3)).astype("float32")
    if hidden:
        call = tf.function(lambda x: model(x, training=False), autograph=False)
        outer = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Lambda(lambda x: call(x))])
        with pytest.warns(UserWarning, match="inside a tf.function or a SavedModel"):
            Activations(outer).shapes([REFERENCE])
        return
    activations = Activations(model)
    found = tf.function(lambda x: activations(x, [REFERENCE]), autograph=False)(images)[REFERENCE]
    expected = np.concatenate([images.mean((1, 2)) @ head.kernel + head.bias for head in heads], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_map_of_probabilities_offers_its_logits(rng):
    """A segmentation network: the channel of a softmax is warned of, and its logits are at hand."""
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Conv2D(4, 1, activation="softmax", name="classes")(inputs)
    model = keras.Model(inputs, outputs)
    activations = Activations(model)
    with pytest.warns(UserWarning, match='use "classes:logits"'):
        activations.shapes(["classes"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shapes = activations.shapes(["classes:logits", REFERENCE])
    assert shapes == {"classes:logits": (8, 8, 4), REFERENCE: (8, 8, 4)}
    images = rng.uniform(size=(2, 8, 8, 3)).astype("float32")
    found = tf.function(lambda x: activations(x, [*shapes]), autograph=False)(images)
    expected = images @ model.get_layer("classes").kernel[0, 0]
    np.testing.assert_allclose(found["classes:logits"], expected, atol=1e-5)
    np.testing.assert_array_equal(found[REFERENCE], found["classes:logits"])


def test_is_softmax():
    answers = []

    def run(x):
        answers[:] = [is_softmax(f(x)) for f in (tf.nn.softmax, stable_softmax, tf.sigmoid, tf.identity, tf.exp)]
        return x

    traced(run, LOGITS)
    assert answers == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (tf.identity, tf.nn.softmax),
        (tf.nn.softmax, tf.nn.softmax),
        (tf.sigmoid, tf.sigmoid),
        (tf.nn.log_softmax, tf.nn.softmax),
        (stable_softmax, tf.nn.softmax),
        (
            lambda x: tf.concat([tf.sigmoid(x), tf.sigmoid(-x)], 1),
            lambda x: tf.concat([tf.sigmoid(x), tf.sigmoid(-x)], 1),
        ),
        (
            lambda x: (tf.nn.softmax(x) + tf.nn.softmax(2 * x)) / 2,
            lambda x: (tf.nn.softmax(x) + tf.nn.softmax(2 * x)) / 2,
        ),
    ],
    ids=["logits", "softmax", "sigmoid", "log softmax", "written softmax", "joined sigmoids", "average"],
)
def test_probabilities_by_the_final_activation(head, expected):
    np.testing.assert_allclose(traced(lambda x: probabilities(head(x)), LOGITS), expected(LOGITS), atol=1e-6)


@pytest.mark.filterwarnings("ignore:The model runs inside a tf.function")
@pytest.mark.parametrize("head", [tf.identity, tf.nn.softmax], ids=["logits", "softmax"])
def test_probabilities_of_a_hidden_activation_by_the_values(head):
    hidden = tf.function(head, autograph=False)
    np.testing.assert_allclose(traced(lambda x: probabilities(hidden(x)), LOGITS), tf.nn.softmax(LOGITS), atol=1e-6)
