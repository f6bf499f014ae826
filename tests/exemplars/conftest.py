import keras
import numpy as np
import pytest

LAYERS = ("first", "second", "scores")


def build_exact_model():
    """Three layers of multiples of 1/4, so that no order of summation rounds. Unit 2 of "first" is dead."""
    rng = np.random.default_rng(0)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(5, 3, strides=2, activation="relu", name="first")(inputs)
    x = keras.layers.Conv2D(4, 2, name="second")(x)
    x = keras.layers.GlobalMaxPooling2D(name="pool")(x)
    model = keras.Model(inputs, keras.layers.Dense(6, name="scores")(x), name="exact")
    weights = [rng.integers(-2, 3, weight.shape).astype("float32") for weight in model.get_weights()]
    weights[0][..., 2], weights[1][2] = -1, 0
    model.set_weights(weights)
    return model


@pytest.fixture(scope="session")
def exact_model():
    return build_exact_model()


@pytest.fixture(scope="session")
def many_images():
    """1,000 images in quarters, so that many values are equal and ties occur."""
    return (np.random.default_rng(1).integers(0, 5, (1000, 8, 8, 3)) / 4).astype("float32")


@pytest.fixture(scope="session")
def many_labels():
    return np.random.default_rng(2).integers(0, 7, 1000)


@pytest.fixture(scope="session")
def brute_force(exact_model, many_images):
    """The maximum over positions of every unit of the three layers, for every image: array (units, images)."""
    outputs = keras.Model(exact_model.input, [exact_model.get_layer(name).output for name in LAYERS])(many_images)
    values = [np.asarray(output).reshape(len(many_images), -1, output.shape[-1]).max(1) for output in outputs]
    return np.concatenate(values, axis=1).T


def ranking(values, count, sign=1):
    """The images of the highest values of each unit, of equal values the first: brute force."""
    return np.argsort(-sign * values, axis=1, kind="stable")[:, :count]
