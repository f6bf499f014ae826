"""One tensor out of everything that a layer or a model returns."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models.outputs import layer_output, model_output, pre_activation, probabilities

LOGITS = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], "float32")


class Named(keras.Model):
    """A model whose outputs have names without being computed."""

    def __init__(self, names=None):
        super().__init__(name="named")
        if names:
            self.output_names = names


def traced(function, *arguments):
    return tf.function(function, autograph=False)(*map(tf.constant, arguments))


def test_a_layer_has_one_output():
    assert layer_output(7, "conv") == layer_output([7], "conv") == layer_output({"a": (7,)}, "conv") == 7
    with pytest.raises(ValueError, match=r'"layer" must have one output\. Received: \'split\', which has 2\. Name'):
        layer_output([7, 8], "split")


@pytest.mark.parametrize(
    ("prediction", "names", "outputs"),
    [
        (7, None, {None: 7, "0": 7}),
        ([7], None, {None: 7, "0": 7}),
        ({"a": 7, "b": 8}, None, {"a": 7, "b": 8}),
        ([7, 8], None, {"0": 7, "1": 8}),
        ([7, 8], ["head", "box"], {"head": 7, "box": 8}),
        # One layer computes both outputs, so its name does not tell them apart.
        ([7, 8], ["split", "split"], {"0": 7, "1": 8}),
        ({"a": {"b": 7, "c": [8]}, "d": (9, 10)}, None, {"a/b": 7, "a/c": 8, "d/0": 9, "d/1": 10}),
    ],
)
def test_outputs_by_name(prediction, names, outputs):
    model = Named(names)
    for name, value in outputs.items():
        assert model_output(model, prediction, name) == value
    with pytest.raises(ValueError, match=r'"output" must be one of .*named.* Received: .absent'):
        model_output(model, prediction, "absent")
    if None not in outputs:
        with pytest.raises(ValueError, match=r'"output" must be one of .* Received: None.*Logit\('):
            model_output(model, prediction, None)


@pytest.mark.parametrize("activation", [tf.nn.softmax, tf.nn.log_softmax, tf.sigmoid])
def test_pre_activation_undoes_the_final_activation(activation):
    def run(x):
        # Operations that keep all values in their order do not hide the activation.
        return pre_activation(tf.identity(tf.squeeze(tf.reshape(activation(x), (2, 1, 3)), 1)))

    np.testing.assert_array_equal(traced(run, LOGITS), LOGITS)


def test_pre_activation_leaves_other_outputs_unchanged():
    np.testing.assert_array_equal(
        traced(lambda x: pre_activation(2 * tf.nn.softmax(x)), LOGITS), 2 * tf.nn.softmax(LOGITS)
    )


@pytest.mark.parametrize(
    ("head", "expected"),
    [(tf.identity, tf.nn.softmax), (tf.nn.softmax, tf.nn.softmax), (tf.sigmoid, tf.sigmoid)],
    ids=["logits", "softmax", "sigmoid"],
)
def test_probabilities_by_the_final_activation(head, expected):
    np.testing.assert_allclose(traced(lambda x: probabilities(head(x)), LOGITS), expected(LOGITS), atol=1e-6)


@pytest.mark.filterwarnings("ignore:The model runs inside a tf.function")
@pytest.mark.parametrize("head", [tf.identity, tf.nn.softmax], ids=["logits", "softmax"])
def test_probabilities_of_a_hidden_activation_by_the_values(head):
    hidden = tf.function(head, autograph=False)
    np.testing.assert_allclose(traced(lambda x: probabilities(hidden(x)), LOGITS), tf.nn.softmax(LOGITS), atol=1e-6)
