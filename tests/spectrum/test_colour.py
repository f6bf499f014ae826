import numpy as np
import tensorflow as tf

from maco_tf.spectrum import COLOUR_CORRELATION, from_image, to_image


def test_oracle(rng):
    x = rng.normal(size=(2, 3, 4, 3)).astype("float32")
    expected = 1 / (1 + np.exp(-np.einsum("bhwc,cd->bhwd", x, COLOUR_CORRELATION)))
    np.testing.assert_allclose(to_image(tf.constant(x)), expected, atol=1e-6)


def test_inverse_for_one_three_and_five_channels(rng):
    for channels in (1, 3, 5):
        image = rng.uniform(0.01, 0.99, (2, 4, 4, channels)).astype("float32")
        np.testing.assert_allclose(to_image(from_image(tf.constant(image))), image, atol=1e-4)


def test_grey_images_have_no_correlation():
    x = tf.constant([[[[0.0], [2.0]]]])
    np.testing.assert_allclose(to_image(x)[0, 0, :, 0], [0.5, 1 / (1 + np.exp(-2))], atol=1e-6)


def test_black_and_white_stay_finite():
    assert np.isfinite(from_image(tf.constant([[[[0.0, 1.0, 0.5]]]]))).all()
