import numpy as np
import pytest
import tensorflow as tf
from xplique.features_visualizations.transformations import random_blur

from maco_tf.transforms import GaussianBlur, Uniform


@pytest.mark.parametrize("channels", [1, 5])
def test_an_impulse_becomes_the_kernel(channels):
    images = np.full((1, 11, 9, channels), 0.5, "float32")
    images[0, 5, 4] += np.arange(1, channels + 1)
    blurred = GaussianBlur(5, 1.3)(tf.constant(images)).numpy()[0] - 0.5
    weights = np.exp(-0.5 * (np.arange(-2, 3) / 1.3) ** 2)
    kernel = np.outer(weights, weights) / weights.sum() ** 2
    for channel in range(channels):
        np.testing.assert_allclose(blurred[3:8, 2:7, channel], (channel + 1) * kernel, atol=1e-5)
    np.testing.assert_allclose(blurred.sum((0, 1)), np.arange(1, channels + 1), rtol=1e-5)


@pytest.mark.parametrize("size", [1, 4, 5, 10])
def test_against_xpliques_convolution(size, rng):
    """xplique pads with zero, which stands for mid-grey here."""
    images = rng.uniform(size=(2, 13, 8, 3)).astype("float32")
    expected = random_blur((1.2, 1.2), size)(tf.constant(images - 0.5)) + 0.5
    np.testing.assert_allclose(GaussianBlur(size, 1.2)(tf.constant(images)), expected, atol=1e-5)


def test_widths_are_drawn_for_each_image():
    images = np.full((400, 9, 9, 1), 0.5, "float32")
    images[:, 4, 4] = 1.5
    blurred = GaussianBlur(9, (0.5, 1.0))(tf.constant(images)).numpy() - 0.5
    sigma = 1 / np.sqrt(2 * np.log(blurred[:, 4, 4, 0] / blurred[:, 4, 5, 0]))
    assert 0.499 < sigma.min() < 0.51
    assert 0.99 < sigma.max() < 1.001


def test_a_width_of_zero_changes_nothing(rng):
    images = rng.uniform(size=(2, 6, 6, 3)).astype("float32")
    np.testing.assert_allclose(GaussianBlur(5, 0.0)(tf.constant(images)), images, atol=1e-6)
    schedule = GaussianBlur(5, Uniform((2.0, 0.0), (2.0, 0.0)))
    np.testing.assert_allclose(schedule(tf.constant(images), 9, 10), images, atol=1e-6)
    assert np.abs(schedule(tf.constant(images), 0, 10) - images).max() > 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1.0), '"size"'),
        ((2.5, 1.0), '"size"'),
        ((3, -1.0), '"sigma"'),
        ((3, "much"), '"sigma"'),
        ((3, [2, 1]), '"sigma"'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        GaussianBlur(*arguments)
