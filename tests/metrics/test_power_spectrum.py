"""Power spectra and the scores that compare them."""

import numpy as np
import pytest
import tensorflow as tf

from maco_tf.metrics import PowerSpectrum, high_frequency_fraction, power_spectrum, spectrum_deviation
from maco_tf.metrics.power_spectrum import profile_deviation
from maco_tf.parametrizations import PhaseParametrization
from maco_tf.spectrum import imagenet_magnitude

SIZES = [(12, 16), (11, 16), (12, 9), (7, 5)]


def wave(frequency, size=64, amplitude=0.4):
    return 0.5 + amplitude * np.cos(2 * np.pi * frequency * np.arange(size))[None, :, None] * np.ones((size, 1, 1))


@pytest.mark.parametrize("size", SIZES)
def test_it_matches_the_full_transform_and_parsevals_theorem(rng, size):
    images = rng.uniform(size=(4, *size, 3)).astype("float32")
    spectrum = power_spectrum(images, window=None)
    centred = images - images.mean(axis=(1, 2), keepdims=True)
    full = np.mean(np.abs(np.fft.fft2(centred, axes=(1, 2))) ** 2, axis=0).transpose(2, 0, 1) / np.prod(size)
    np.testing.assert_allclose(spectrum.full(), np.fft.fftshift(full, axes=(1, 2)), rtol=1e-4, atol=1e-8)
    # The mean over all frequencies is the variance.
    np.testing.assert_allclose(spectrum.full().mean(axis=(1, 2)), centred.var(axis=(1, 2)).mean(axis=0), rtol=1e-5)


def test_the_hann_window_by_hand(rng):
    image = rng.uniform(size=(6, 8, 1))
    hann = np.outer(*(np.sin(np.pi * np.arange(size) / size) ** 2 for size in (6, 8)))
    centred = image[..., 0] - np.sum(hann * image[..., 0]) / hann.sum()
    expected = np.abs(np.fft.rfft2(hann * centred)) ** 2 / np.sum(hann**2)
    np.testing.assert_allclose(power_spectrum(image[None]).values[0], expected, rtol=1e-5, atol=1e-9)


def test_the_window_keeps_the_jump_at_the_border_out():
    ramp = np.broadcast_to(np.linspace(0, 1, 64)[:, None, None], (64, 64, 1))[None]
    bare, windowed = (power_spectrum(ramp, window=window).radial_profile()[1][0, -1] for window in (None, "hann"))
    assert windowed < 1e-6 * bare


@pytest.mark.parametrize("size", SIZES)
def test_the_radial_profile_matches_a_loop_over_bins(rng, size):
    spectrum = power_spectrum(rng.uniform(size=(2, *size, 2)), window=None)
    for bins in range(1, min(size) // 2 + 1):
        frequency, power = spectrum.radial_profile(np.int64(bins))
        np.testing.assert_allclose(frequency, [(ring + 1) / (2 * bins) for ring in range(bins)])
        full = np.fft.ifftshift(spectrum.full(), axes=(1, 2))
        for ring in range(1, bins + 1):
            inside = [
                (y, x)
                for y, fy in enumerate(np.fft.fftfreq(size[0]))
                for x, fx in enumerate(np.fft.fftfreq(size[1]))
                if round(np.hypot(fy, fx) * 2 * bins) == ring
            ]
            expected = np.mean([full[:, y, x] for y, x in inside], axis=0)
            np.testing.assert_allclose(power[:, ring - 1], expected, rtol=1e-10)


def test_the_deviation_follows_from_mean_profiles(rng):
    images, reference = rng.uniform(size=(5, 16, 16, 3)), 0.5 * rng.uniform(size=(3, 16, 16, 3))
    means = [
        np.mean([power_spectrum(image[None]).radial_profile(8)[1] for image in group], axis=0)
        for group in (images, reference)
    ]
    assert profile_deviation(*means) == pytest.approx(spectrum_deviation(images, reference), rel=1e-6)
    # A quarter of the power deviates by log10(4) decades.
    assert profile_deviation(means[0], means[0] / 4) == pytest.approx(np.log10(4))


def test_high_frequencies_of_a_spectrum_and_of_its_images_agree(rng):
    images = rng.uniform(size=(3, 16, 16, 3))
    assert high_frequency_fraction(power_spectrum(images)) == high_frequency_fraction(images)


def test_white_noise_is_flat_at_its_variance_for_any_size():
    rng = np.random.default_rng(0)
    for size in (32, 64):
        profile = power_spectrum(0.5 + rng.uniform(-0.3, 0.3, size=(60, size, size, 1))).radial_profile(8)[1]
        np.testing.assert_allclose(profile, 0.6**2 / 12, rtol=0.06)


def test_images_may_have_any_form_but_one_size(rng):
    images = rng.integers(0, 256, (4, 12, 12, 3)).astype("uint8")
    expected = power_spectrum(images).values
    for form in (images / np.float32(255), list(images), tf.data.Dataset.from_tensor_slices(images).batch(3)):
        np.testing.assert_allclose(power_spectrum(form).values, expected, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(power_spectrum(images[::-1]).values, expected, rtol=1e-10)
    mixed = [np.pad(images[0], ((1, 1), (2, 2), (0, 0))), *images[1:]]
    with pytest.raises(ValueError, match=r'"images" must have one size.*"size"'):
        power_spectrum(mixed)
    for size in ((12, 12), 12, (np.int64(12), np.int64(12))):
        np.testing.assert_allclose(power_spectrum(mixed, size=size).values, expected, rtol=1e-10)
    with pytest.raises(ValueError, match='"size" must not exceed'):
        power_spectrum(mixed, size=(13, 12))


def test_high_frequency_fraction_of_waves():
    low, high = wave(0.125), wave(0.375)
    assert high_frequency_fraction(low[None]) < 1e-6
    assert high_frequency_fraction(high[None]) > 1 - 1e-6
    assert high_frequency_fraction(np.stack([low, high])) == pytest.approx(0.5, abs=1e-3)
    assert high_frequency_fraction(high[None], cutoff=0.45) < 1e-6
    noise = np.random.default_rng(0).uniform(size=(30, 64, 64, 1))
    # This fraction of the square of frequencies lies outside the circle of the cutoff.
    assert high_frequency_fraction(noise) == pytest.approx(1 - np.pi * 0.25**2, abs=0.01)


def test_noise_adds_high_frequencies_and_blur_removes_them(photographs, damaged):
    fractions = [high_frequency_fraction(images) for images in (photographs, *damaged["noise"])]
    assert fractions == sorted(fractions)
    fractions = [high_frequency_fraction(images) for images in (photographs, *damaged["blur"])]
    assert fractions == sorted(fractions, reverse=True)


@pytest.mark.parametrize("kind", ["noise", "blur"])
def test_the_deviation_grows_with_damage(photographs, damaged, kind):
    scores = [spectrum_deviation(images, photographs) for images in (photographs, *damaged[kind])]
    assert scores[0] == 0
    assert scores[0] < scores[1] < scores[2] < scores[3]


def test_deviation_counts_decades_at_equal_frequency(rng):
    images = rng.uniform(size=(3, 24, 24, 3))
    # A third of the contrast has a ninth of the power.
    faint = 0.5 + (images - 0.5) / 3
    assert spectrum_deviation(faint, images) == pytest.approx(np.log10(9), rel=1e-4)
    assert spectrum_deviation(images, power_spectrum(faint)) == pytest.approx(np.log10(9), rel=1e-4)
    noise = np.random.default_rng(0).uniform(size=(80, 32, 40, 3))
    assert spectrum_deviation(noise[:, :24, :24], noise) < 0.05


@pytest.mark.parametrize("size", [(64, 64), (49, 60)])
def test_images_of_exactly_the_natural_magnitude_deviate_little(size):
    magnitude = imagenet_magnitude()
    parametrization = PhaseParametrization(magnitude.resized(*size), 4)
    images = parametrization.image(parametrization.initialize(seed=0)).numpy()
    assert spectrum_deviation(images, magnitude) < 0.1
    noise = np.clip(images + np.random.default_rng(0).normal(scale=0.1, size=images.shape), 0, 1)
    assert spectrum_deviation(noise.astype("float32"), magnitude) > 0.5


def test_wrong_arguments_are_refused(rng):
    images = rng.uniform(size=(2, 8, 8, 3))
    with pytest.raises(ValueError, match='"window"'):
        power_spectrum(images, window="hamming")
    with pytest.raises(ValueError, match="at least one"):
        power_spectrum(images[:0])
    with pytest.raises(ValueError, match="at least one"):
        spectrum_deviation(images[:0], imagenet_magnitude(8, 8))
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        power_spectrum(255 * images)
    with pytest.raises(ValueError, match='"reference" must have 3 channels'):
        spectrum_deviation(images, images[..., :1])
    for size in (0, 2.5, (4,), (4, 4, 3)):
        with pytest.raises(ValueError, match='"size"'):
            power_spectrum(images, size=size)
    for cutoff in (0, 0.6, np.nan, "0.2"):
        with pytest.raises(ValueError, match='"cutoff"'):
            high_frequency_fraction(images, cutoff=cutoff)
    with pytest.raises(ValueError, match="must vary"):
        high_frequency_fraction(np.full((2, 8, 8, 3), 0.7))
    for bins in (0, 5, 2.0, True):
        with pytest.raises(ValueError, match=r'"bins".*from 1 to 4'):
            power_spectrum(images).radial_profile(bins)
    with pytest.raises(ValueError, match=r'"values".*shape'):
        PowerSpectrum(np.ones((1, 4, 4)), width=4)
    with pytest.raises(ValueError, match='"width"'):
        PowerSpectrum(np.ones((1, 4, 3)), width=4.0)
    with pytest.raises(ValueError, match="finite"):
        PowerSpectrum(-np.ones((1, 4, 3)), width=4)
