import numpy as np
import pytest

from maco_tf.display import file_name, to_rgba


def test_alpha_by_hand():
    images = np.linspace(0, 1, 100, dtype="float32").reshape(1, 10, 10, 1)
    transparency = np.arange(100.0).reshape(1, 10, 10)
    rgba = to_rgba(images, transparency, percentile=80)
    limit = np.percentile(np.arange(100.0), 80)
    np.testing.assert_allclose(rgba[0, ..., 3].ravel(), np.minimum(np.arange(100.0), limit) / limit, atol=1e-6)


def test_colours_are_stretched_between_the_first_and_last_percentile():
    images = np.linspace(0.4, 0.6, 300, dtype="float32").reshape(1, 10, 10, 3)
    rgba = to_rgba(images, None)
    low, high = np.percentile(images, (1, 99))
    np.testing.assert_allclose(rgba[..., :3], np.clip((images - low) / (high - low), 0, 1), atol=1e-5)
    assert (rgba[..., 3] == 1).all()


def test_constant_images_and_maps_are_finite():
    # A map that says nothing leaves the picture visible.
    np.testing.assert_array_equal(to_rgba(np.full((1, 4, 4, 3), 0.5), np.zeros((1, 4, 4)))[..., 3], 1)
    sparse = np.zeros((1, 10, 10))
    sparse[0, 0, 0] = 2.0
    assert to_rgba(np.zeros((1, 10, 10, 3)), sparse)[..., 3].sum() == 1


def test_alpha_is_straight_so_that_no_background_tints_the_colours(rng):
    """Colours multiplied by alpha, as some formats have them, would be dark fringes on white."""
    images, transparency = rng.uniform(size=(2, 8, 8, 3)), rng.uniform(size=(2, 8, 8))
    transparency[0, 0] = 0
    rgba = to_rgba(images, transparency)
    np.testing.assert_array_equal(rgba[..., :3], to_rgba(images, None)[..., :3])
    for background in (0.0, 1.0):
        seen = rgba[..., :3] * rgba[..., 3:] + background * (1 - rgba[..., 3:])
        np.testing.assert_array_equal(seen[0, 0], np.full((8, 3), background))  # Nothing was looked at here.


def test_bad_percentile():
    with pytest.raises(ValueError, match="percentile"):
        to_rgba(np.zeros((1, 4, 4, 3)), np.zeros((1, 4, 4)), percentile=0)


def test_file_names():
    assert file_name("a/b:2 - 0.5 c") == "a_b_2_-_0.5_c"
    assert file_name("../..") == "image"


def test_smoothing_spreads_a_point_and_keeps_a_constant():
    point = np.zeros((2, 41, 41), "float32")
    point[0, 20, 20], point[1] = 1.0, 0.3
    images = np.zeros((2, 41, 41, 3))
    alpha = to_rgba(images, point, 100, smoothing=3.0)[..., 3]
    # A Gaussian of standard deviation 3, divided by its peak.
    np.testing.assert_allclose(alpha[0, 20, [20, 23, 26]], np.exp([0, -0.5, -2.0]), atol=0.01)
    np.testing.assert_allclose(alpha[1], 1.0, atol=1e-6)
    for wrong in (-1, "much", float("nan")):
        with pytest.raises(ValueError, match='"smoothing"'):
            to_rgba(images, point, smoothing=wrong)
