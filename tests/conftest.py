"""Tiny models and fixtures that many tests share."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.visualizers import registry


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@contextlib.contextmanager
def under_policy(policy):
    """Give the layers that are made inside the block this dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def build_tiny_model(seed=0, activation="softmax", channels=3, size=16, policy="float32"):
    """Two convolutions, their sum, and a classifier of five classes."""
    with under_policy(policy):
        return _tiny_model(seed, activation, channels, size)


def _tiny_model(seed, activation, channels, size):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((size, size, channels))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="tanh", name="conv")(inputs)
    y = keras.layers.Conv2D(4, 3, padding="same", name="second")(x)
    x = keras.layers.Add(name="add")([x, y])
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = keras.layers.Dense(5, activation=activation, name="head")(x)
    return keras.Model(inputs, outputs, name="tiny")


class Wrapper(keras.Model):
    """A subclassed model that holds the tiny one and applies the softmax itself."""

    def __init__(self):
        super().__init__()
        self.backbone = build_tiny_model(activation=None)

    def call(self, x, training=None):
        return tf.nn.softmax(self.backbone(x))


class Interfering(keras.layers.Layer):
    """The identity. Once armed, it runs a function eagerly in the middle of a trace, and then fails."""

    def __init__(self, function):
        super().__init__()
        self.armed, self.returned, self._function = False, [], function

    def call(self, x):
        if self.armed:
            with tf.init_scope():
                self.returned.append(self._function())
            raise RuntimeError("in the middle")
        return x


@pytest.fixture(scope="session")
def tiny_model():
    return build_tiny_model()


@pytest.fixture
def own_methods(monkeypatch):
    """Forget after the test which methods it registered."""
    monkeypatch.setattr(registry, "_METHODS", dict(registry._METHODS))
