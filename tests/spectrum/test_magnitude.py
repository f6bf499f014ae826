import numpy as np
import pytest

from maco_tf.spectrum import Magnitude, imagenet_magnitude, radial_frequency
from maco_tf.spectrum.frequencies import standard_deviation, symmetrize


def natural(height, width, rng, channels=2):
    """The magnitude of a real noise image with a 1/f spectrum."""
    falloff = 1 / np.maximum(radial_frequency(height, width), 1 / max(height, width))
    noise = np.abs(np.fft.rfft2(rng.normal(size=(channels, height, width))))
    return Magnitude(noise * falloff, width)


@pytest.mark.parametrize(("height", "width"), [(512, 512), (511, 300), (64, 64), (33, 47), (700, 640)])
def test_imagenet_at_any_size_keeps_standard_deviation_and_mean(height, width):
    original, resized = imagenet_magnitude(), imagenet_magnitude(height, width)
    assert resized.values.shape == (3, height, width // 2 + 1)
    np.testing.assert_allclose(
        standard_deviation(resized.values, width), standard_deviation(original.values, 512), rtol=1e-4
    )
    np.testing.assert_allclose(resized.values[:, 0, 0] / (height * width), original.values[:, 0, 0] / 512**2, rtol=1e-5)


def test_standard_deviation_is_that_of_an_image(rng):
    for height, width in ((16, 16), (15, 11), (12, 7)):
        image = rng.normal(size=(1, height, width))
        magnitude = np.abs(np.fft.rfft2(image))
        np.testing.assert_allclose(standard_deviation(magnitude, width), image.std(axis=(1, 2)), rtol=1e-10)


def test_resizing_keeps_a_power_law_at_equal_cycles_per_pixel():
    law = lambda height, width: np.maximum(radial_frequency(height, width), 1e-3) ** -1.2  # noqa: E731
    resized = Magnitude(law(128, 128)[None], 128).resized(96, 75).values[0]
    expected = law(96, 75)
    away = radial_frequency(96, 75) > 0.05
    ratio = (resized / expected)[away]
    assert ratio.std() / ratio.mean() < 0.01


def test_halves_of_the_vertical_axis_do_not_mix():
    values = np.ones((1, 32, 17))
    values[:, 1:16, 3:14] = 10.0  # Positive ky only.
    resized = Magnitude(values, 32).resized(48, 48).values[0]
    positive, negative = resized[4:22, 6:18], resized[-21:-3, 6:18]
    assert positive.min() / negative.max() == pytest.approx(10.0, rel=1e-4)


def test_self_conjugate_columns_become_symmetric(rng):
    for height, width in ((6, 6), (7, 6), (6, 7)):
        values = symmetrize(rng.uniform(size=(1, height, width // 2 + 1)), width)[0]
        image = np.fft.irfft2(values, s=(height, width))
        np.testing.assert_allclose(np.abs(np.fft.rfft2(image)), values, atol=1e-12)


def test_save_and_load(tmp_path, rng):
    magnitude = natural(9, 7, rng)
    loaded = Magnitude.load(magnitude.save(tmp_path / "mine.npz"))
    assert loaded.width == 7
    np.testing.assert_array_equal(loaded.values, magnitude.values)


def test_bad_values_are_refused(tmp_path, rng):
    with pytest.raises(ValueError, match="shape"):
        Magnitude(np.ones((3, 8, 8)), 8)
    with pytest.raises(ValueError, match="non-negative"):
        Magnitude(-np.ones((3, 8, 5)), 8)
    with pytest.raises(ValueError, match="at least 2"):
        natural(8, 8, rng).resized(1, 8)
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(ValueError, match=r"Magnitude\.save"):
        Magnitude.load(tmp_path / "other.npz")
