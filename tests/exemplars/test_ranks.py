import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Channel, Direction, Diversity, FeatureInversion, Logit, Neuron, TotalVariation, find_exemplars
from maco_tf.exemplars.ranks import UnitRanks
from maco_tf.models.activations import Activations
from tests.conftest import build_tiny_model, under_policy


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(size=(11, 16, 16, 3)).astype("float32")


def outputs(model, layer, images):
    return np.asarray(keras.Model(model.input, model.get_layer(layer).output)(images))


def ranks(model, units, images, rank="max", labels=None):
    scores = UnitRanks(Activations(model), units, rank)
    labels = tf.zeros(len(images), tf.int64) if labels is None else tf.constant(labels, tf.int64)
    return (
        tf.function(scores, autograph=False)
        .get_concrete_function(tf.constant(images), labels)(tf.constant(images), labels)
        .numpy()
    )


@pytest.mark.parametrize("rank", ["max", "mean"])
def test_channels_directions_and_layers_are_ranked_by_position(tiny_model, images, rank):
    conv, second = (outputs(tiny_model, name, images) for name in ("conv", "second"))
    along = second @ np.array([1, 2, 0, -1], "float32")
    cosine = along / np.linalg.norm(second, axis=-1) / np.sqrt(6)
    direction = along * np.maximum(cosine, 0.1) ** 2
    reduce = getattr(np, rank)
    expected = [reduce(conv[..., 2], (1, 2)), *reduce(second, (1, 2)).T, reduce(-2 * direction, (1, 2))]
    units = [Channel("conv", 2), "second", -2 * Direction("second", [1.0, 2.0, 0.0, -1.0])]
    np.testing.assert_allclose(ranks(tiny_model, units, images, rank).T, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rank", ["max", "mean"])
def test_other_objectives_are_ranked_by_their_score(images, rank):
    model = build_tiny_model()
    conv, logits = outputs(model, "conv", images), build_tiny_model(activation=None)(images).numpy()
    variation = np.abs(np.diff(images, axis=1)).mean((1, 2, 3)) + np.abs(np.diff(images, axis=2)).mean((1, 2, 3))
    expected = [
        *(logits[:, k] - 0.5 * conv[..., c].mean((1, 2)) for k, c in ((1, 0), (4, 3))),
        *(2 * logits[:, [3, 0]]).T,
        conv[:, 5, 7, 1],
        *(3 * logits[:, 2] * weight - (1 - weight) * variation for weight in (1, 0)),
    ]
    units = [
        Logit([1, 4]) - 0.5 * Channel("conv", [0, 3]),
        2 * Logit([3, 0]),
        Neuron("conv", (5, 7, 1)),
        [3, 0] * Logit(2) - [0, 1] * TotalVariation(),
    ]
    np.testing.assert_allclose(ranks(model, units, images, rank).T, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("tokens", "rows"), [("patch", slice(1, None)), ("class", slice(0, 1)), ("all", slice(None))])
def test_tokens_are_those_that_the_objective_reads(rng, tokens, rows):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 4, 3))
    patches = keras.layers.Dense(6)(keras.layers.Reshape((16, 3))(inputs))
    named = keras.layers.ZeroPadding1D((1, 0), name="tokens")(patches)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(named))
    images = rng.uniform(size=(5, 4, 4, 3)).astype("float32")
    values = outputs(model, "tokens", images)
    expected = values[:, rows].max(1)[:, [4, 1]]
    np.testing.assert_allclose(ranks(model, Channel("tokens", [4, 1], tokens=tokens), images), expected, atol=1e-6)
    if tokens == "patch":
        np.testing.assert_allclose(ranks(model, "tokens", images), values[:, 1:].max(1), atol=1e-6)


def test_an_image_is_most_like_itself(images):
    """The network sees references whole, like the images."""
    top = find_exemplars(
        build_tiny_model(), FeatureInversion("conv", images[[7, 2]]), images, 1, batch_size=4, verbose=0
    )
    assert top.indices.tolist() == [[7], [2]]
    np.testing.assert_allclose(top.scores, 1, atol=1e-5)


def class_model(policy="float32"):
    """Class c depends on the colour c only, with the weight c + 1; colour 3 counts for no class."""
    with under_policy(policy):
        inputs = keras.Input((4, 4, 4))
        x = keras.layers.Conv2D(4, 1, use_bias=False, name="colours")(inputs)
        x = keras.layers.Activation("relu", name="relu")(x)
        x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
        model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="classes")(x))
    model.set_weights([np.eye(4)[None, None], np.diag([1.0, 2.0, 3.0, 0.0])[:, :3]])
    return model


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_relevance_finds_the_channel_of_the_class(rng, policy):
    """Of an image of class c, all relevance is channel c's, though channel 3 is the strongest everywhere."""
    model = class_model(policy)
    images = rng.uniform(0.1, 0.5, size=(30, 4, 4, 4)).astype("float32")
    images[..., 3] = 0.9
    labels = np.arange(30) % 3
    values = ranks(model, "relu", images, "relevance", labels)
    np.testing.assert_allclose(values, np.eye(4)[labels], atol=1e-3)
    found = find_exemplars(model, Channel("relu", [2, 3]), images, 10, labels=labels, rank="relevance", verbose=0)
    np.testing.assert_array_equal(np.sort(found.indices[0]), np.arange(2, 30, 3))
    assert found.statistics.dead.tolist() == [False, True]


def test_relevance_is_the_gradient_times_the_activation_normalised_over_channels(images):
    """By hand: the logit is linear in the channels of "add", with the weights of the last layer / 256 positions."""
    model = build_tiny_model()
    labels = np.arange(11) % 5
    add, kernel = outputs(model, "add", images), model.get_layer("head").get_weights()[0]
    summed = add.sum((1, 2)) * kernel[:, labels].T / 256
    expected = summed / np.abs(summed).sum(1, keepdims=True)
    np.testing.assert_allclose(ranks(model, "add", images, "relevance", labels), expected, rtol=1e-4, atol=1e-6)


def test_images_without_a_class_have_no_relevance(images):
    labels = np.where(np.arange(11) < 4, -1, 1)
    found = find_exemplars(build_tiny_model(), "conv", images, 5, labels=labels, rank="relevance", verbose=0)
    assert found.statistics.images == 7
    assert found.indices.min() == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 12}, '"count" must not exceed'),
        ({"count": 0}, '"count" must be an integer'),
        ({"batch_size": 0}, '"batch_size"'),
        ({"rank": "median"}, '"rank" must be one of'),
        ({"shard": (2, 2)}, '"shard" must be an integer from 0 to 1'),
        ({"shard": 1}, r'"shard" must be \(number, count\)'),
        ({"images": np.zeros((4, 4))}, '"images"'),
        ({"images": np.zeros((4, 16, 16, 4))}, r'"images" must have as many channels.* 3\. .*alpha'),
        ({"units": np.zeros((500, 16, 16, 3)), "images": Logit(0)}, r'"units" must be .{,300}$'),
        ({"units": []}, '"units" must hold at least one'),
        ({"units": Channel("conv", 9)}, "must lie in 0..3"),
        ({"units": "convv"}, '"layer"'),
        ({"units": Channel("conv", 0) + Diversity("conv", 2)}, "Diversity and Alignment"),
        ({"units": FeatureInversion("conv", np.zeros((4, 4, 1)))}, '"images" must have as many channels'),
        ({"rank": "relevance", "units": "conv"}, '"labels" must be given'),
        ({"rank": "relevance", "labels": np.full(11, 5), "units": "conv"}, r'"labels" must lie in 0\.\.4'),
        ({"rank": "relevance", "labels": np.zeros(11, int)}, '"units" must be channels'),
        ({"labels": [0.5] * 11}, '"labels" must be 11 class numbers'),
        ({"labels": [0]}, '"labels" must be 11 class numbers'),
    ],
)
def test_a_wrong_argument_is_named(tiny_model, images, arguments, message):
    arguments = {"units": Logit(0), "images": images, "count": 2, "verbose": 0, **arguments}
    with pytest.raises(ValueError, match=message):
        find_exemplars(tiny_model, **arguments)


def test_activations_that_are_not_finite_are_an_error(images):
    model = build_tiny_model()
    model.get_layer("second").set_weights([np.full((3, 3, 4, 4), np.nan), np.zeros(4)])
    with pytest.raises(FloatingPointError, match="must be finite"):
        find_exemplars(model, "second", images, 2, verbose=0)


def test_the_model_does_not_change(images):
    model = build_tiny_model()
    before = [tf.identity(weight) for weight in model.weights]
    find_exemplars(model, ["conv", Logit([0, 1])], images, 2, verbose=0)
    assert all(bool(tf.reduce_all(old == new)) for old, new in zip(before, model.weights))
