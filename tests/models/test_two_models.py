"""Objectives on two models at once, as one Keras model with two outputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from maco_tf import Channel, FeatureInversion, Logit, MacoVisualizer, find_exemplars
from maco_tf.models import Activations, logits_of
from tests.conftest import Wrapper, build_tiny_model


def renamed(model, name):
    """The same network, with the same weights, under another name."""
    return keras.Model(model.inputs, model.outputs, name=name)


def build_pair(seeds=(0, 1), policy="float32"):
    """Two networks with different input sizes and preprocessing, and the model that joins them."""
    first, second = build_tiny_model(seeds[0]), build_tiny_model(seeds[1], size=24, policy=policy)
    second = renamed(second, "other")
    image = keras.Input((20, 20, 3))
    to_first = layers.Resizing(16, 16)(image)
    to_second = layers.Rescaling(2.0, offset=-1.0)(layers.Resizing(24, 24, interpolation="bicubic")(image))
    return first, second, keras.Model(image, {"a": first(to_first), "b": second(to_second)}, name="pair")


def inputs_of_both(images):
    """The inputs of the two networks for images of 20 pixels."""
    return tf.image.resize(images, (16, 16)), 2 * tf.image.resize(images, (24, 24), "bicubic") - 1


def logits_function(model):
    """The network without its softmax: pooled features times the weights of the head."""
    pool = keras.Model(model.input, model.get_layer("pool").output)
    kernel, bias = model.get_layer("head").get_weights()
    return lambda images: pool(images) @ kernel + bias


@pytest.mark.parametrize("sign", [pytest.param(1, marks=pytest.mark.slow), -1])
def test_scores_and_gradients_combine_those_of_the_two_networks(sign, rng):
    first, second, pair = build_pair()
    images = rng.uniform(size=(2, 20, 20, 3)).astype("float32")
    objective = Logit(3, output="a") + sign * Logit([1, 4], output="b")
    activations, names = Activations(pair), [logits_of("a"), logits_of("b"), "tiny/conv", "other/conv"]

    @tf.function(autograph=False)
    def together(x):
        found = activations(x, names)
        scores = found[names[0]][:, 3] + sign * tf.gather(found[names[1]], [1, 4], batch_dims=1)
        return found, scores, tf.gradients(scores, x)[0]

    found, scores, gradient = together(tf.constant(images))
    with tf.GradientTape() as tape:
        x = tf.constant(images)
        tape.watch(x)
        seen = inputs_of_both(x)
        expected = logits_function(first)(seen[0])[:, 3]
        expected += sign * tf.gather(logits_function(second)(seen[1]), [1, 4], batch_dims=1)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    np.testing.assert_allclose(gradient, tape.gradient(expected, x), atol=1e-5)
    for model, inputs, path in ((first, seen[0], "tiny/conv"), (second, seen[1], "other/conv")):
        conv = keras.Model(model.input, model.get_layer("conv").output)
        np.testing.assert_allclose(found[path], conv(inputs), atol=1e-5)
    top = find_exemplars(pair, objective, images, 1, verbose=0)
    whole = (
        tf.stack([logits_function(second)(seen[1])[:, k] for k in (1, 4)]) * sign
        + logits_function(first)(seen[0])[:, 3]
    )
    np.testing.assert_allclose(top.scores[:, 0], tf.reduce_max(whole, axis=1), atol=1e-5)


@pytest.mark.slow
def test_a_sum_activates_both_networks_and_a_difference_only_one(rng):
    first, second, pair = build_pair()
    before = [weight.copy() for model in (first, second) for weight in model.get_weights()]
    visualizer = MacoVisualizer(pair, steps=30, crops=2, image_size=20, whole_views=1)
    joint = Logit(1, output="a") + Logit(2, output="b")
    opposed = Logit(1, output="a") - Logit(2, output="b")
    images = [visualizer.explain(objective, seed=0, verbose=0).images for objective in (joint, opposed)]
    parametrization = visualizer.resolved.parametrization(1)
    start = parametrization.image(parametrization.initialize(0)).numpy()

    def strengths(image):
        seen = inputs_of_both(image)
        return np.array([logits_function(first)(seen[0])[0, 1], logits_function(second)(seen[1])[0, 2]])

    for image, signs in zip(images, ([1, 1], [1, -1])):
        assert ((strengths(image) - strengths(start)) * signs > 1e-3).all()
    after = [weight for model in (first, second) for weight in model.get_weights()]
    assert all((old == new).all() for old, new in zip(before, after))


def test_names_and_errors_tell_the_networks_apart():
    _, _, pair = build_pair()
    visualizer = MacoVisualizer(pair, steps=1)
    assert (Logit(1, output="a") - Logit(1, output="b")).names == ["logit 1 of a - logit 1 of b"]
    assert Logit("pug", output="b").names == ["pug of b"]
    for objective, message in [
        (Channel("conv", 0), "may be tiny/conv, other/conv. Give the path"),
        (Channel("tiny/cnv", 0), "Did you mean tiny/conv"),
        (Logit(1), '"output" must be one of .a., .b.'),
        (Logit(1, output="tiny"), '"output" must be one of .a., .b.'),
    ]:
        with pytest.raises(ValueError, match=message):
            visualizer.check(objective)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_networks_in_half_and_in_single_precision_can_be_joined(policy):
    _, _, pair = build_pair(policy=policy)
    visualizer = MacoVisualizer(pair, steps=2, crops=1)
    objective = Logit(1, output="a") + FeatureInversion("other/conv", np.full((4, 4, 3), 0.3))
    explanation = visualizer.explain(objective, seed=0, verbose=0)
    assert explanation.scores.dtype == np.float32
    assert np.isfinite(explanation.scores).all()
    assert explanation.transparency.max() > 0


def test_subclassed_networks_in_lists_and_nested_outputs(rng):
    wrapped, plain = Wrapper(), renamed(build_tiny_model(5, activation=None), "plain")
    images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    probabilities = wrapped(images)
    image = keras.Input((16, 16, 3))
    several = keras.Model(image, {"classes": plain(image), "mean": layers.GlobalAveragePooling2D()(image)})
    listed = keras.Model(image, [wrapped(image), several(image)["classes"]])
    nested = keras.Model(image, {"w": wrapped(image), "s": several(image)})
    expected = plain([images])
    for model, names in ((listed, (wrapped.name, several.name)), (nested, ("w", "s/classes"))):
        references = [logits_of(name) for name in names]
        found = tf.function(lambda x, m=model, r=references: Activations(m)(x, r), autograph=False)(images)
        np.testing.assert_allclose(tf.nn.softmax(found[references[0]]), probabilities, atol=1e-6)
        np.testing.assert_allclose(found[references[1]], expected, atol=1e-6)
    with pytest.raises(ValueError, match="'w', 's/classes', 's/mean'"):
        MacoVisualizer(nested, steps=1).check(Logit(0, output="s"))
