import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter

from maco_tf.parametrizations import PixelParametrization
from maco_tf.parametrizations.pixels import gaussian_blur
from maco_tf.spectrum.colour import COLOUR_CORRELATION


def test_images_equal_those_computed_with_numpy(rng):
    variable = rng.normal(size=(2, 5, 7, 3)).astype("float32")
    expected = 1 / (1 + np.exp(-(variable @ COLOUR_CORRELATION)))
    images = PixelParametrization((5, 7, 3), batch_size=2).image([variable]).numpy()
    np.testing.assert_allclose(images, expected, atol=1e-5)


def test_without_decorrelation_the_channels_are_red_green_and_blue(rng):
    variable = rng.normal(size=(2, 5, 7, 3)).astype("float32")
    parametrization = PixelParametrization((5, 7, 3), batch_size=2, decorrelate=False)
    images = parametrization.image([variable])
    np.testing.assert_allclose(images, 1 / (1 + np.exp(-variable)), atol=1e-6)
    np.testing.assert_allclose(parametrization.from_images(images.numpy())[0], variable, atol=1e-4)


def test_the_start_has_mean_zero_and_the_given_standard_deviation():
    # In xplique, the standard deviation is passed as the mean by mistake.
    start = PixelParametrization((64, 64, 3), std=0.05).initialize(1)[0].numpy()
    assert abs(start.mean()) < 2e-3
    assert abs(start.std() - 0.05) < 2e-3


@pytest.mark.parametrize("sigma", [0.8, 2.0])
def test_blur_equals_scipys(sigma, rng):
    images = rng.normal(size=(2, 24, 31, 5)).astype("float32")
    radius = round(3 * sigma)
    expected = gaussian_filter(images, sigma, axes=(1, 2), mode="mirror", radius=radius)
    np.testing.assert_allclose(gaussian_blur(tf.constant(images), sigma).numpy(), expected, atol=1e-5)


def test_blurring_a_tiny_constant_image_changes_nothing():
    images = tf.fill((1, 4, 4, 3), 0.25)
    np.testing.assert_allclose(gaussian_blur(images, 5.0).numpy(), images.numpy(), atol=1e-6)


def test_image_blur_smooths_the_image_and_gradient_blur_smooths_only_the_gradient(rng):
    variable = tf.constant(rng.normal(size=(1, 16, 16, 1)), tf.float32)
    plain = PixelParametrization((16, 16, 1))
    image_blur = PixelParametrization((16, 16, 1), image_blur=1.5)
    gradient_blur = PixelParametrization((16, 16, 1), gradient_blur=1.5)
    assert np.array_equal(gradient_blur.image([variable]), plain.image([variable]))
    np.testing.assert_allclose(image_blur.image([variable]), plain.image([gaussian_blur(variable, 1.5)]), atol=1e-6)

    weights = tf.constant(rng.normal(size=(1, 16, 16, 1)), tf.float32)
    gradients = []
    for parametrization in (plain, gradient_blur):
        with tf.GradientTape() as tape:
            tape.watch(variable)
            score = tf.reduce_sum(weights * parametrization.image([variable]))
        gradients.append(tape.gradient(score, variable))
    np.testing.assert_allclose(gradients[1], gaussian_blur(gradients[0], 1.5), atol=1e-6)


def test_a_step_blur_blurs_the_pixels_after_every_nth_step(rng):
    variable = tf.constant(rng.normal(size=(2, 20, 24, 3)), tf.float32)
    blurred = gaussian_filter(variable.numpy(), 1.5, axes=(1, 2), mode="mirror", radius=4)
    assert PixelParametrization((20, 24, 3)).after_step([variable], 4)[0] is variable
    parametrization = PixelParametrization((20, 24, 3), step_blur=1.5, step_blur_every=3)
    for done in range(1, 7):
        (after,) = parametrization.after_step([variable], done)
        np.testing.assert_allclose(after, variable if done % 3 else blurred, atol=1e-5)
    (after,) = PixelParametrization((20, 24, 3), step_blur=1.5).after_step([variable], 1)
    np.testing.assert_allclose(after, blurred, atol=1e-5)


def test_a_period_without_a_blur_is_refused():
    with pytest.raises(ValueError, match='"step_blur_every" must be 1 while "step_blur" is 0'):
        PixelParametrization((8, 8, 3), step_blur_every=4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("std", 0),
        ("image_blur", -1),
        ("gradient_blur", "strong"),
        ("stretch", None),
        ("decorrelate", 1),
        ("step_blur", -1),
        ("step_blur_every", 0),
    ],
)
def test_wrong_settings_are_named(name, value):
    with pytest.raises(ValueError, match=f'"{name}" must be'):
        PixelParametrization((8, 8, 3), **{name: value})
