"""The methods that are compared."""

import types

import keras
import numpy as np
import pytest

from maco_tf import MacoVisualizer
from maco_tf.benchmark import METHODS, BenchmarkSettings
from maco_tf.benchmark.methods import logits_model, xplique_model
from tests.conftest import build_tiny_model

COMPUTE = {"steps": 2, "crops": 1, "image_size": 32}


@pytest.mark.parametrize(
    "method", ["cbr", *(pytest.param(name, marks=pytest.mark.slow) for name in ("maco", "fourier", "xplique"))]
)
def test_a_method_makes_an_image_that_its_seed_determines(tiny_model, method):
    settings = BenchmarkSettings(("a",), (method,), ("b",), (0,), **COMPUTE)
    make = METHODS[method](tiny_model, settings)
    first, again, other = make(1, 0), make(1, 0), make(1, 1)
    assert first.shape == (32, 32, 3)
    assert first.min() >= 0
    assert first.max() <= 1
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_methods_run_the_recipe_of_the_benchmark(tiny_model):
    settings = BenchmarkSettings(("a",), ("maco", "cbr"), ("b",), (0,), recipe="paper", **COMPUTE)
    for name in ("maco", "cbr"):
        config = METHODS[name](tiny_model, settings).config
        assert (config["recipe"], config["crops"], config["image_size"]) == ("paper", 1, [32, 32])


def test_an_interrupted_image_is_not_returned(tiny_model, monkeypatch):
    make = METHODS["maco"](tiny_model, BenchmarkSettings(("a",), ("maco",), ("b",), (0,), **COMPUTE))
    unfinished = types.SimpleNamespace(config={"interrupted": True}, images=[None])
    monkeypatch.setattr(MacoVisualizer, "explain", lambda *_, **__: unfinished)
    with pytest.raises(KeyboardInterrupt):
        make(1, 0)


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
