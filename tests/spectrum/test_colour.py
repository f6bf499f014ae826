import numpy as np
import tensorflow as tf

from maco_tf.spectrum import COLOUR_CORRELATION, from_image, to_image
from maco_tf.spectrum.colour import stretched


def test_images_against_numpy(rng):
    x = rng.normal(size=(2, 3, 4, 3)).astype("float32")
    expected = 1 / (1 + np.exp(-np.einsum("bhwc,cd->bhwd", x, COLOUR_CORRELATION)))
    np.testing.assert_allclose(to_image(tf.constant(x)), expected, atol=1e-6)


def test_from_image_is_the_inverse_of_to_image(rng):
    for channels in (1, 3, 5):
        image = rng.uniform(0.01, 0.99, (2, 4, 4, channels)).astype("float32")
        np.testing.assert_allclose(to_image(from_image(tf.constant(image))), image, atol=1e-4)


def test_one_channel_has_no_correlation():
    x = tf.constant([[[[0.0], [2.0]]]])
    np.testing.assert_allclose(to_image(x)[0, 0, :, 0], [0.5, 1 / (1 + np.exp(-2))], atol=1e-6)


def test_black_and_white_stay_finite():
    assert np.isfinite(from_image(tf.constant([[[[0.0, 1.0, 0.5]]]]))).all()


def test_stretched_images_fill_the_range():
    images = tf.constant([[[[0.2], [0.3], [0.6]]], [[[0.5], [0.5], [0.5]]]])
    np.testing.assert_allclose(stretched(images)[..., 0], [[[0, 0.25, 1]], [[0, 0, 0]]], atol=1e-6)


def test_without_decorrelation_the_image_is_the_sigmoid_of_each_channel(rng):
    x = rng.normal(size=(2, 4, 5, 3)).astype("float32")
    image = to_image(tf.constant(x), decorrelate=False)
    np.testing.assert_allclose(image, 1 / (1 + np.exp(-x)), atol=1e-6)
    np.testing.assert_allclose(from_image(image, decorrelate=False), x, atol=1e-4)
