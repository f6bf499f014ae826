"""Classifiers in the form that xplique's `maco` takes."""

import keras
import numpy as np
import pytest

from maco_tf.benchmark.xplique_maco import logits_model, xplique_model
from tests.conftest import build_tiny_model


@pytest.mark.parametrize("activation", ["softmax", None])
def test_logits_model_leaves_out_the_softmax_and_does_not_change_the_model(activation, rng):
    model = build_tiny_model(activation=activation)
    images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    before = model(images).numpy()
    logits = logits_model(model)(images).numpy()
    expected = build_tiny_model(activation=None)(images).numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-6)
    assert np.array_equal(model(images).numpy(), before)


@pytest.mark.parametrize(
    ("scale", "offset", "black", "white"),
    [(1.0, 0.0, 0, 1), (1 / 255, 0.0, 0, 255), (1 / 127.5, -1.0, 0, 255), (0.5, 0.5, -1, 1)],
)
def test_xpliques_model_maps_its_images_to_the_range_that_the_network_takes(scale, offset, black, white, rng):
    network, inputs = build_tiny_model(activation=None), keras.Input((16, 16, 3))
    model = keras.Model(inputs, network(keras.layers.Rescaling(scale, offset)(inputs)))
    images = rng.uniform(-1, 1, size=(2, 16, 16, 3)).astype("float32")
    expected = model(black + (white - black) * (images + 1) / 2)
    np.testing.assert_allclose(xplique_model(model)(images), expected, atol=1e-5)


def test_logits_model_leaves_out_a_softmax_layer(rng):
    inner = build_tiny_model(activation=None)
    for last in (keras.layers.Softmax(), keras.layers.Activation("softmax")):
        model = keras.Model(inner.input, last(inner.output))
        images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
        np.testing.assert_allclose(logits_model(model)(images), inner(images), atol=1e-6)
