import dataclasses

import numpy as np
import pytest

from maco_tf.spectrum import Magnitude, imagenet_magnitude, radial_frequency
from maco_tf.spectrum.frequencies import standard_deviation


def natural(height, width, rng, channels=2):
    """The magnitude of a real noise image with a 1/f spectrum."""
    falloff = 1 / np.maximum(radial_frequency(height, width), 1 / max(height, width))
    noise = np.abs(np.fft.rfft2(rng.normal(size=(channels, height, width))))
    return Magnitude(noise * falloff, width)


@pytest.mark.parametrize(("height", "width"), [(512, 512), (511, 300), (64, 64), (33, 47), (700, 640)])
def test_imagenet_keeps_standard_deviation_and_mean_at_any_size(height, width):
    original, resized = imagenet_magnitude(), imagenet_magnitude(height, width)
    assert resized.values.shape == (3, height, width // 2 + 1)
    np.testing.assert_allclose(
        standard_deviation(resized.values, width), standard_deviation(original.values, 512), rtol=1e-4
    )
    np.testing.assert_allclose(resized.values[:, 0, 0] / (height * width), original.values[:, 0, 0] / 512**2, rtol=1e-5)


def test_columns_that_hold_conjugates_become_symmetric():
    values = np.ones((1, 4, 3))
    values[0, 1] = [2, 5, 2]
    expected = np.ones((4, 3))
    expected[1], expected[3] = [1.5, 5, 1.5], [1.5, 1, 1.5]
    np.testing.assert_array_equal(Magnitude(values, 4).values[0], expected)


def test_values_cannot_change(rng):
    values = np.ones((1, 4, 3))
    magnitude = Magnitude(values, np.int64(4))
    values[:] = 7
    assert magnitude.values.max() == 1
    assert (magnitude.channels, magnitude.height, magnitude.width) == (1, 4, 4)
    with pytest.raises(ValueError, match="read-only"):
        magnitude.values[0, 0, 0] = 2.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        magnitude.width = 5


def test_save_and_load(tmp_path, rng):
    magnitude = natural(9, 7, rng)
    loaded = Magnitude.load(magnitude.save(tmp_path / "mine.npz"))
    assert loaded.width == 7
    np.testing.assert_array_equal(loaded.values, magnitude.values)
    assert loaded.mean is None


def test_the_mean_is_kept_with_its_sign(tmp_path, rng):
    magnitude = Magnitude(natural(9, 7, rng).values, 7, [-2.25, 0.5])
    np.testing.assert_array_equal(magnitude.mean, [-2.25, 0.5])
    np.testing.assert_array_equal(Magnitude.load(magnitude.save(tmp_path / "mine.npz")).mean, [-2.25, 0.5])
    # It is the mean of a pixel, so it does not depend on the size.
    np.testing.assert_array_equal(magnitude.resized(20, 13).mean, [-2.25, 0.5])
    with pytest.raises(ValueError, match="read-only"):
        magnitude.mean[0] = 2.0


def test_the_name_of_a_magnitude_is_short():
    values = np.ones((3, 16, 9))
    assert repr(Magnitude(values, 17, [0.5, 0, -1])) == "<Magnitude of 3 channel(s), 16 x 17 pixels, mean 0.5, 0, -1>"
    assert "no mean" in repr(Magnitude(values, 17))


def test_a_file_of_an_earlier_version_has_no_mean(tmp_path, rng):
    magnitude = natural(9, 7, rng)
    np.savez_compressed(tmp_path / "old.npz", values=magnitude.values, width=7)
    loaded = Magnitude.load(tmp_path / "old.npz")
    np.testing.assert_array_equal(loaded.values, magnitude.values)
    assert loaded.mean is None
    assert imagenet_magnitude(32, 32).mean is None


@pytest.mark.parametrize("mean", [[1.0], [1.0, 2.0, 3.0], 1.0, [0.0, np.nan], ["a", "b"], [1j, 1.0]])
def test_a_wrong_mean_is_named(rng, mean):
    with pytest.raises(ValueError, match='"mean" must be'):
        Magnitude(natural(8, 8, rng).values, 8, mean)


def test_bad_values(tmp_path, rng):
    with pytest.raises(ValueError, match="shape"):
        Magnitude(np.ones((3, 8, 8)), 8)
    with pytest.raises(ValueError, match='"width" must be an integer'):
        Magnitude(np.ones((3, 8, 5)), 8.0)
    for value in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="finite and non-negative"):
            Magnitude(np.full((3, 8, 5), value), 8)
    with pytest.raises(ValueError, match='"values" must be real numbers'):
        Magnitude(np.ones((3, 8, 5), "complex64"), 8)
    with pytest.raises(ValueError, match='"height" must be an integer of at least 2'):
        natural(8, 8, rng).resized(1, 8)
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(ValueError, match=r"Magnitude\.save"):
        Magnitude.load(tmp_path / "other.npz")


def test_the_space_of_the_colours_is_kept(tmp_path, rng):
    values = np.abs(np.fft.rfft2(rng.normal(size=(3, 8, 8))))
    for decorrelated in (True, False):
        magnitude = Magnitude(values, 8, decorrelated=decorrelated)
        assert magnitude.resized(12, 10).decorrelated == decorrelated
        assert Magnitude.load(magnitude.save(tmp_path / "m.npz")).decorrelated == decorrelated
    # A file of an earlier version says nothing.
    np.savez(tmp_path / "old.npz", values=values, width=8)
    assert Magnitude.load(tmp_path / "old.npz").decorrelated
    with pytest.raises(ValueError, match='"decorrelated" must be'):
        Magnitude(values, 8, decorrelated="yes")
