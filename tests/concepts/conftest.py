"""A network whose concepts are known: its maps are red, green and blue, and class 0 depends on red."""

import keras
import numpy as np
import pytest

RED, GREEN, BLUE = np.eye(3, dtype="float32")


def build_colour_model(activation="softmax"):
    inputs = keras.Input((32, 32, 3))
    maps = keras.layers.Conv2D(3, 1, activation="relu", name="maps")
    x = keras.layers.GlobalAveragePooling2D()(maps(inputs))
    head = keras.layers.Dense(2, activation=activation, name="head")
    model = keras.Model(inputs, head(x), name="colours")
    maps.set_weights([np.eye(3)[None, None], np.zeros(3)])
    head.set_weights([np.array([[5.0, 0], [0, 1], [0, 5]]), np.zeros(2)])
    return model


@pytest.fixture
def images(rng):
    """Four images of 4 x 4 squares of 8 pixels. Each square is red or green, of random lightness."""
    colours = np.stack([RED, GREEN])[rng.integers(0, 2, (4, 4, 4))] * rng.uniform(0.3, 1, (4, 4, 4, 1))
    return np.kron(colours, np.ones((1, 8, 8, 1))).astype("float32")
