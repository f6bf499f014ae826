"""The encoder of a vision transformer, against a slow computation by the paper's equations."""

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from maco_tf.models.zoo.vision_transformer import ClassToken, LayerScale, PositionEmbedding, VisionTransformer
from tests.conftest import under_policy

TINY = VisionTransformer(width=6, depth=2, heads=2, hidden=10, patch_size=4, layer_scale=True, exact_gelu=True)


def tiny_encoder(encoder=TINY, policy="float32"):
    """An encoder of 9 x 13 pixels, 2 x 3 patches, in which all weights are random."""
    with under_policy(policy):
        inputs = keras.Input((9, 13, 3))
        model = keras.Model(inputs, encoder.encode(inputs))
    draws = np.random.default_rng(0)
    model.set_weights([draws.normal(size=weight.shape) / 2 for weight in model.get_weights()])
    return model


def normalise(x, weights):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6) * weights[0] + weights[1]


def attend(x, weights):
    """Attention by equations 5 to 8 of the paper, one head and one token at a time."""
    (query, key, value, out), biases = weights[0::2], weights[1::2]
    result = np.zeros_like(x) + biases[3]
    for head in range(query.shape[1]):
        q, k, v = (x @ w[:, head] + b[head] for w, b in zip((query, key, value), biases))
        for token in range(len(x)):
            scores = np.exp(k @ q[token] / np.sqrt(q.shape[1]))
            result[token] += scores / scores.sum() @ v @ out[head]
    return result


def test_the_encoder_equals_a_slow_oracle(rng):
    model = tiny_encoder()
    weights = {layer.name: layer.get_weights() for layer in model.layers}
    image = rng.uniform(size=(9, 13, 3))
    kernel, bias = weights["patches"]
    tokens = [
        np.einsum("yxc,yxcf->f", image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4], kernel) + bias
        for row in range(2)
        for column in range(3)
    ]
    x = np.concatenate([weights["class_token"][0][0], np.array(tokens) + weights["position_embedding"][0]])
    for name in ("block0", "block1"):
        y = attend(normalise(x, weights[f"{name}_norm1"]), weights[f"{name}_attention"])
        x = x + y * weights[f"{name}_scale1"][0]
        y = normalise(x, weights[f"{name}_norm2"]) @ weights[f"{name}_dense1"][0] + weights[f"{name}_dense1"][1]
        y = y * 0.5 * (1 + scipy.special.erf(y / np.sqrt(2)))
        y = y @ weights[f"{name}_dense2"][0] + weights[f"{name}_dense2"][1]
        x = x + y * weights[f"{name}_scale2"][0]
    expected = normalise(x, weights["norm"])
    np.testing.assert_allclose(model(image[None], training=False)[0], expected, atol=1e-4)


def test_the_tanh_approximation_changes_the_network(rng):
    image = rng.uniform(size=(1, 9, 13, 3)).astype("float32")
    exact = tiny_encoder()
    approximate = tiny_encoder(VisionTransformer(6, 2, 2, 10, 4, layer_scale=True, exact_gelu=False))
    difference = np.abs(exact(image) - approximate(image)).max()
    assert 1e-5 < difference < 1e-2
    values = np.linspace(-3, 3, 7)
    expected = values / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (values + 0.044715 * values**3)))
    layer = approximate.get_layer("block0_gelu")
    np.testing.assert_allclose(layer(values), expected, atol=1e-6)


def test_token_layers_by_hand():
    tokens = np.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]])
    for layer, weight, expected in (
        (
            PositionEmbedding(),
            [[10.0, 20.0], [30.0, 40.0]],
            [[[11.0, 22.0], [33.0, 44.0]], [[15.0, 26.0], [37.0, 48.0]]],
        ),
        (LayerScale(), [2.0, -1.0], tokens * [2.0, -1.0]),
        (ClassToken(), [[[8.0, 9.0]]], np.concatenate([np.full((2, 1, 2), [8.0, 9.0]), tokens], axis=1)),
    ):
        layer.build(tokens.shape)
        layer.set_weights([np.array(weight)])
        np.testing.assert_array_equal(layer(tokens), expected)
        assert layer.compute_output_shape(tokens.shape) == np.shape(expected)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_dtype_policies_saving_and_xla(policy, tmp_path, rng):
    image = rng.uniform(size=(2, 9, 13, 3)).astype("float32")
    exact, model = tiny_encoder(), tiny_encoder(policy=policy)
    assert all(layer.compute_dtype == model.get_layer("norm").compute_dtype for layer in model.layers[1:])
    found = model(image, training=False).numpy()
    # bfloat16 has 8 significant bits, and the sums of the blocks amplify its rounding.
    tolerance = {"float32": 0.0, "mixed_bfloat16": 0.2, "mixed_float16": 0.02}[policy]
    np.testing.assert_allclose(found.astype("float32"), exact(image, training=False), atol=tolerance)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(image, training=False), found)
    compiled = tf.function(model, jit_compile=True)(image)
    np.testing.assert_allclose(tf.cast(compiled, tf.float32), found.astype("float32"), atol=tolerance + 1e-4)
