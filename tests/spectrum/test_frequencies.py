import numpy as np
import pytest

from maco_tf.spectrum import frequency_axes, radial_frequency
from maco_tf.spectrum.frequencies import bin_weights, resize_magnitude, standard_deviation, symmetrize


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 9), (6, 11)])
def test_a_wave_lands_in_the_bin_of_its_frequency(height, width):
    ky, kx = frequency_axes(height, width)
    rows, columns = np.mgrid[:height, :width]
    row, column = 2, 3
    wave = np.cos(2 * np.pi * (ky[row, 0] * rows + kx[0, column] * columns))
    spectrum = np.abs(np.fft.rfft2(wave))
    assert np.unravel_index(spectrum.argmax(), spectrum.shape) == (row, column)


def test_radial_frequency_by_hand():
    radius = radial_frequency(4, 4)
    assert radius.shape == (4, 3)
    assert radius[0].tolist() == [0.0, 0.25, 0.5]
    assert radius[3, 1] == pytest.approx(np.hypot(0.25, 0.25))


@pytest.mark.parametrize(("height", "width"), [(6, 6), (7, 6), (6, 7)])
def test_weights_count_the_bins_of_the_full_spectrum(height, width, rng):
    image = rng.normal(size=(height, width))
    half, full = (np.abs(transform(image)) ** 2 for transform in (np.fft.rfft2, np.fft.fft2))
    assert (half * bin_weights(width)).sum() == pytest.approx(full.sum())


@pytest.mark.parametrize(("height", "width"), [(6, 6), (7, 6), (6, 7)])
def test_a_symmetric_magnitude_is_that_of_a_real_image(height, width, rng):
    values = symmetrize(rng.uniform(size=(1, height, width // 2 + 1)), width)[0]
    image = np.fft.irfft2(values, s=(height, width))
    np.testing.assert_allclose(np.abs(np.fft.rfft2(image)), values, atol=1e-12)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (15, 11), (12, 7)])
def test_the_standard_deviation_is_that_of_the_image(height, width, rng):
    image = rng.normal(size=(1, height, width))
    magnitude = np.abs(np.fft.rfft2(image))
    np.testing.assert_allclose(standard_deviation(magnitude, width), image.std(axis=(1, 2)), rtol=1e-10)


def test_resizing_keeps_a_power_law_at_equal_cycles_per_pixel():
    def law(height, width):
        return np.maximum(radial_frequency(height, width), 1e-3) ** -1.2

    resized = resize_magnitude(law(128, 128)[None], 128, 96, 75)[0]
    ratio = (resized / law(96, 75))[radial_frequency(96, 75) > 0.05]
    assert ratio.std() / ratio.mean() < 0.01


def test_halves_of_the_vertical_axis_do_not_mix():
    values = np.ones((1, 32, 17))
    values[:, 1:16, 3:14] = 10.0  # Positive ky only.
    resized = resize_magnitude(values, 32, 48, 48)[0]
    positive, negative = resized[4:22, 6:18], resized[-21:-3, 6:18]
    assert positive.min() / negative.max() == pytest.approx(10.0, rel=1e-4)
