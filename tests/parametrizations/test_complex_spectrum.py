import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter

from maco_tf.parametrizations import FourierParametrization
from maco_tf.parametrizations.complex_spectrum import frequency_scale
from maco_tf.spectrum.colour import COLOUR_CORRELATION


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 6), (7, 11)])
@pytest.mark.parametrize("decay", [0.0, 0.85, 1.0])
def test_images_equal_those_computed_with_numpy(height, width, decay, rng):
    parametrization = FourierParametrization((height, width, 3), batch_size=2, decay=decay)
    variable = rng.normal(size=(2, 2, 3, height, width // 2 + 1)).astype("float32")
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    scale = np.sqrt(height * width) / np.maximum(frequency, 1 / max(height, width)) ** decay
    x = np.fft.irfft2((variable[:, 0] + 1j * variable[:, 1]) * scale, (height, width)) / 4
    expected = 1 / (1 + np.exp(-(x.transpose(0, 2, 3, 1) @ COLOUR_CORRELATION.astype("float64"))))
    np.testing.assert_allclose(parametrization.image([variable]).numpy(), expected, atol=1e-5)


def test_without_decorrelation_the_channels_are_red_green_and_blue(rng):
    parametrization = FourierParametrization((8, 6, 3), batch_size=2, decorrelate=False)
    variable = rng.normal(scale=0.1, size=(2, 2, 3, 8, 4)).astype("float32")
    images = parametrization.image([variable])
    np.testing.assert_allclose(images, 1 / (1 + np.exp(-parametrization.spatial([variable]).numpy())), atol=1e-6)
    again = parametrization.image(parametrization.from_images(images.numpy()))
    np.testing.assert_allclose(again, images, atol=1e-4)


def test_one_bin_makes_one_wave():
    # One cycle along the width: x = 2 / (h w) * gain * scale * 0.5 * cos, with scale = sqrt(h w) * w.
    parametrization = FourierParametrization((4, 8, 1), gain=1.0)
    variable = np.zeros((1, 2, 1, 4, 5), "float32")
    variable[0, 0, 0, 0, 1] = 0.5
    expected = 2 / 32 * np.sqrt(32) * 8 * 0.5 * np.cos(2 * np.pi * np.arange(8) / 8)
    np.testing.assert_allclose(parametrization.spatial([variable]).numpy()[0, :, :, 0], [expected] * 4, atol=1e-5)


@pytest.mark.parametrize(
    ("decay", "mean", "one_cycle", "nyquist"), [(0.0, 1, 1, 1), (1.0, 16, 16, 2), (2.0, 256, 256, 4)]
)
def test_scale_at_zero_frequency_at_one_cycle_and_at_nyquist(decay, mean, one_cycle, nyquist):
    scale = frequency_scale(9, 16, decay) / np.sqrt(9 * 16)
    np.testing.assert_allclose([scale[0, 0], scale[0, 1], scale[0, 8]], [mean, one_cycle, nyquist], rtol=1e-6)


def test_frequencies_of_an_odd_height():
    scale = frequency_scale(9, 8, 1.0) / np.sqrt(72)
    np.testing.assert_allclose(scale[[1, 4, 5, 8], 0], [9, 9 / 4, 9 / 4, 9], rtol=1e-6)


def test_the_start_is_normal_and_an_image_starts_the_same_in_any_batch():
    one, two = (
        FourierParametrization((64, 64, 3), batch_size=size, std=0.02).initialize(3)[0].numpy() for size in (1, 2)
    )
    assert np.array_equal(one[0], two[0])
    assert not np.array_equal(two[0], two[1])
    assert abs(one.std() - 0.02) < 1e-3
    assert abs(one.mean()) < 1e-3


def test_the_gain_sets_how_far_a_step_of_adam_moves_the_image(rng):
    # The numbers in the docstring of FourierParametrization, for a step of 0.05 in every variable.
    variable = 0.05 * np.sign(rng.normal(size=(1, 2, 1, 512, 257))).astype("float32")
    for gain, expected in ((1.0, 0.43), (0.25, 0.107)):
        x = FourierParametrization((512, 512, 1), gain=gain).spatial([variable])
        assert abs(float(tf.math.reduce_std(x)) - expected) < 0.02


def test_a_step_blur_weakens_a_wave_as_the_transform_of_a_gaussian_says(rng):
    parametrization = FourierParametrization((8, 16, 1), step_blur=1.5, step_blur_every=2)
    variable = tf.constant(rng.normal(size=(1, 2, 1, 8, 9)), tf.float32)
    np.testing.assert_array_equal(parametrization.after_step([variable], 1)[0], variable)
    (after,) = parametrization.after_step([variable], 2)
    # Two cycles in 8 rows and three in 16 columns.
    frequency = np.hypot(2 / 8, 3 / 16)
    kept = np.exp(-2 * np.pi**2 * 1.5**2 * frequency**2)
    np.testing.assert_allclose(after[0, :, 0, 2, 3], kept * variable[0, :, 0, 2, 3], rtol=1e-4)
    np.testing.assert_allclose(after[..., 0, 0], variable[..., 0, 0])
    # The image is blurred by a Gaussian that wraps around.
    x = parametrization.spatial([variable]).numpy()
    expected = gaussian_filter(x, 1.5, axes=(1, 2), mode="wrap", truncate=8)
    np.testing.assert_allclose(parametrization.spatial([after]), expected, atol=2e-3 * np.abs(x).max())


def test_stretching_reaches_black_and_white():
    parametrization = FourierParametrization((16, 16, 3), batch_size=2, stretch=True)
    images = parametrization.image(parametrization.initialize(0)).numpy()
    np.testing.assert_allclose(images.min(axis=(1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(images.max(axis=(1, 2, 3)), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("std", 0),
        ("std", True),
        ("gain", -1),
        ("decay", -0.1),
        ("decay", np.nan),
        ("stretch", 1),
        ("decorrelate", None),
    ],
)
def test_wrong_settings_are_named(name, value):
    with pytest.raises(ValueError, match=f'"{name}" must be'):
        FourierParametrization((8, 8, 3), **{name: value})
