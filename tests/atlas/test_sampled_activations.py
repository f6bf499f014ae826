"""Activations at random positions."""

import keras
import numpy as np
import pytest

from maco_tf.atlas.sampled_activations import sample_activations, supported_classes
from maco_tf.exemplars import ImageSource
from maco_tf.models.activations import Activations
from tests.concepts.conftest import build_colour_model

pytestmark = pytest.mark.slow


def test_samples_are_the_activations_at_their_positions(rng):
    images = rng.random((40, 32, 32, 3)).astype("float32")  # Two batches.
    activations = Activations(build_colour_model())
    sample = sample_activations(activations, "maps", ImageSource(images), 100)
    # Three positions of each image, without the border; the maps are the image.
    assert sample.values.shape == (120, 3)
    assert np.array_equal(sample.images, np.repeat(np.arange(40), 3))
    rows, columns = np.divmod(sample.positions, 32)
    assert min(rows.min(), columns.min()) >= 1
    assert max(rows.max(), columns.max()) <= 30
    assert all(len(set(sample.positions[start : start + 3])) == 3 for start in range(0, 120, 3))
    np.testing.assert_allclose(sample.values, images[sample.images, rows, columns], atol=1e-6)


def test_positions_depend_on_the_image_and_the_seed_only(rng):
    images = rng.random((40, 32, 32, 3)).astype("float32")
    activations = Activations(build_colour_model())
    first = sample_activations(activations, "maps", ImageSource(images), 40)
    fewer = sample_activations(activations, "maps", ImageSource(images[:10]), 10)
    assert np.array_equal(first.positions[:10], fewer.positions)
    other = sample_activations(activations, "maps", ImageSource(images), 40, seed=1)
    assert not np.array_equal(first.positions, other.positions)


def test_of_many_images_every_nth_is_read(rng):
    images = rng.random((40, 32, 32, 3)).astype("float32")
    sample = sample_activations(Activations(build_colour_model()), "maps", ImageSource(images), 10)
    assert sample.images.tolist() == list(range(0, 40, 4))


def test_tokens_are_read_without_the_class_token(rng):
    inputs = keras.Input((4, 4, 3))
    patches = keras.layers.Reshape((16, 3), name="patches")(inputs)
    tokens = keras.layers.Concatenate(axis=1, name="tokens")([100 + patches[:, :1], patches])
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(tokens)))
    images = rng.random((3, 4, 4, 3)).astype("float32")
    sample = sample_activations(Activations(model, preprocessing=None), "tokens", ImageSource(images), 1000)
    np.testing.assert_allclose(sample.values.reshape(3, 16, 3), images.reshape(3, 16, 3), atol=1e-6)


def test_supported_classes_by_hand(rng):
    values, mean = rng.random((35, 3)).astype("float32"), np.float32([0.2, 0.3, 0.4])
    rises = supported_classes(Activations(build_colour_model()), "maps", values, mean)
    # Of equal maps, the head sees their value: logit 0 is 5 red, and logit 1 green + 5 blue.
    np.testing.assert_allclose(rises, (values - mean) @ np.array([[5.0, 0], [0, 1], [0, 5]]), atol=1e-3)


def test_supported_classes_need_a_layer_that_splits_the_model():
    inputs = keras.Input((8, 8, 3))
    inner = keras.layers.Conv2D(3, 1, name="inner")(inputs)
    total = keras.layers.Add()([inputs, inner])
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(total)))
    with pytest.raises(ValueError, match="split"):
        supported_classes(Activations(model, preprocessing=None), "inner", np.ones((1, 3)), np.ones(3))
