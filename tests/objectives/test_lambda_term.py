"""A plain function as an objective: its score, its trace, its checks and how it is stored."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Logit, MacoVisualizer
from maco_tf.models import IMAGE, LOGITS
from maco_tf.objectives import Channel, Lambda
from tests.objectives.evaluate import restored, scores


def third_channel(activation):
    return tf.reduce_mean(activation[..., 2], axis=(1, 2))


class Scale:
    """A callable with a state, and an instance method that can be used as a function."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, activation):
        return self.factor * tf.reduce_mean(activation, axis=(1, 2, 3))


def test_the_score_is_that_of_the_function(rng):
    conv = rng.normal(size=(4, 3, 3, 4)).astype("float32")
    expected = conv[..., 2].mean((1, 2)).reshape(2, 2).mean(1)
    objective = 2 * Lambda("conv", third_channel) + Channel("conv", [0, 1])
    channels = scores(Channel("conv", [0, 1]), conv=conv)
    np.testing.assert_allclose(scores(objective, conv=conv), 2 * expected + channels, rtol=1e-5)


def test_it_reads_the_logits_and_the_image():
    entropy = Lambda(LOGITS, lambda logits: -tf.reduce_sum(tf.nn.softmax(logits) * tf.nn.log_softmax(logits), axis=1))
    assert scores(entropy, logits=np.zeros((2, 5))) == pytest.approx([np.log(5)])
    darkest = Lambda(IMAGE, lambda image: tf.reduce_min(image, axis=(1, 2, 3)))
    assert scores(darkest, image=[[[[0.25], [0.5]]]]) == pytest.approx([0.25])


@pytest.mark.slow
def test_another_function_is_traced_and_the_same_one_is_not(tiny_model):
    visualizer = MacoVisualizer(tiny_model, steps=1, image_size=24)
    first, second = Scale(1.0), Scale(2.0)
    found = [
        visualizer.explain(Lambda("conv", function), seed=0, verbose=0).scores[0, 0] for function in (first, second)
    ]
    assert found[1] == pytest.approx(2 * found[0])
    assert visualizer.traces == 2
    visualizer.explain(Lambda("conv", first, name="again"), seed=0, verbose=0)
    assert visualizer.traces == 2


def test_structures_identify_the_function():
    assert Lambda("conv", third_channel).structure() == Lambda("conv", third_channel, name="red").structure()
    assert Lambda("conv", third_channel).structure() != Lambda("second", third_channel).structure()
    # These functions come from one line of code and differ only in a default value.
    in_loop = [Lambda("conv", lambda x, factor=factor: factor * x[:, 0, 0, 0]) for factor in (1.0, 2.0)]
    assert in_loop[0].structure() != in_loop[1].structure()


def test_names():
    assert Lambda("conv", third_channel).names == ["third_channel(conv)"]
    assert Lambda("conv", lambda x: x[:, 0]).names == ["lambda(conv)"]
    assert Lambda("conv", Scale(1.0)).names == ["Scale(conv)"]
    assert (0.5 * Lambda("conv", third_channel, name="red") - Logit(1)).names == ["0.5 red - logit 1"]


@pytest.mark.parametrize(
    "function",
    [
        lambda activation: tf.reduce_mean(activation),
        lambda activation: tf.reduce_mean(activation, axis=(1, 2)),
        lambda activation: tf.reduce_mean(activation, axis=(1, 2, 3))[:1],
        lambda activation: tf.argmax(activation[:, 0, 0], axis=-1),
        lambda activation: None,
        lambda activation: 1.0,
    ],
    ids=["scalar", "one value per channel", "one view", "integers", "none", "number"],
)
def test_anything_but_a_score_per_view_is_refused(function):
    with pytest.raises(ValueError, match='"function"'):
        scores(Lambda("conv", function), conv=np.ones((3, 4, 4, 2)))


def test_a_wrong_function_is_refused_before_the_first_step(tiny_model):
    visualizer = MacoVisualizer(tiny_model, steps=1, image_size=24)
    with pytest.raises(ValueError, match=r'"function".*Received: float32 of shape \(\)'):
        visualizer.explain(Lambda("conv", tf.reduce_mean), verbose=0)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.mean(x, axis=(1, 2, 3)),
        lambda x: np.linalg.norm(x, axis=-1)[:, 0, 0],
        lambda x: x.numpy().mean((1, 2, 3)),
        lambda x: x.mean(axis=(1, 2, 3)),
    ],
    ids=["np.mean", "np.linalg.norm", "numpy()", "mean()"],
)
def test_numpy_in_a_function_gets_a_remedy(function):
    score = tf.function(Lambda("conv", function).score, autograph=False)
    with pytest.raises(ValueError, match=r'"function" must consist of TensorFlow or Keras.*NumPy.*tf\.reduce_mean'):
        score.get_concrete_function(tf.TensorSpec((2, 3, 3, 4)))


def test_other_errors_of_a_function_are_its_own():
    score = tf.function(Lambda("conv", lambda x: x.foo).score, autograph=False)
    with pytest.raises(AttributeError, match="foo"):
        score.get_concrete_function(tf.TensorSpec((2, 3)))


def test_scores_of_lower_precision_become_float32():
    half = Lambda("conv", lambda x: tf.cast(x[:, 0], tf.float16))
    assert scores(half, conv=[[0.5], [1.0]]) == [0.75]


def test_only_callables_are_taken():
    with pytest.raises(ValueError, match='"function"'):
        Lambda("conv", "third_channel")


def test_a_function_of_a_module_is_stored():
    term = Lambda("conv", third_channel, name="red")
    assert term.get_config() == {
        "layer": "conv",
        "function": "tests.objectives.test_lambda_term:third_channel",
        "name": "red",
    }
    copy = restored(term)
    assert copy.function is third_channel
    assert copy.names == ["red"]
    assert copy.structure() == term.structure()


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda activation: activation[:, 0], "lambda"),
        (functools.partial(third_channel), "no name"),
        (Scale(1.0), "no name"),
    ],
)
def test_other_functions_cannot_be_stored(function, reason):
    with pytest.raises(ValueError, match=f'"function".*{reason}.*top level'):
        Lambda("conv", function).get_config()


def test_a_missing_function_is_named_when_loading():
    for path in ("tests.objectives.test_lambda_term:fourth_channel", "third_channel", 3):
        with pytest.raises(ValueError, match='"function"'):
            Lambda.from_config({"layer": "conv", "function": path, "name": "red"})
