import numpy as np
import pytest

from maco_tf.display import to_rgba


def test_alpha_is_clipped_at_the_percentile_and_divided_by_it():
    images = np.linspace(0, 1, 100, dtype="float32").reshape(1, 10, 10, 1)
    transparency = np.arange(100.0).reshape(1, 10, 10)
    limit = np.percentile(np.arange(100.0), 80)
    for percentile in (80, np.float32(80), np.int64(80)):
        rgba = to_rgba(images, transparency, percentile=percentile)
        np.testing.assert_allclose(rgba[0, ..., 3].ravel(), np.minimum(np.arange(100.0), limit) / limit, atol=1e-6)
    assert (to_rgba(images, transparency, None)[..., 3] == 1).all()


def test_colours_are_stretched_between_the_first_and_last_percentile():
    images = np.linspace(0.4, 0.6, 300, dtype="float32").reshape(1, 10, 10, 3)
    rgba = to_rgba(images, None)
    low, high = np.percentile(images, (1, 99))
    np.testing.assert_allclose(rgba[..., :3], np.clip((images - low) / (high - low), 0, 1), atol=1e-5)
    assert (rgba[..., 3] == 1).all()


def test_integer_images_count_to_255(rng):
    images = rng.integers(0, 256, (2, 8, 8, 3), dtype="uint8")
    np.testing.assert_allclose(to_rgba(images, None), to_rgba(images / 255, None), atol=1e-6)


def test_constant_images_and_maps_are_finite():
    # A map of zeros leaves the image visible.
    np.testing.assert_array_equal(to_rgba(np.full((1, 4, 4, 3), 0.5), np.zeros((1, 4, 4)))[..., 3], 1)
    sparse = np.zeros((1, 10, 10))
    sparse[0, 0, 0] = 2.0
    assert to_rgba(np.zeros((1, 10, 10, 3)), sparse)[..., 3].sum() == 1


def test_alpha_is_straight_so_that_transparent_pixels_show_the_background_only(rng):
    """If the colours were multiplied by alpha, transparent regions would have dark fringes on white."""
    images, transparency = rng.uniform(size=(2, 8, 8, 3)), rng.uniform(size=(2, 8, 8))
    transparency[0, 0] = 0
    rgba = to_rgba(images, transparency)
    np.testing.assert_array_equal(rgba[..., :3], to_rgba(images, None)[..., :3])
    for background in (0.0, 1.0):
        seen = rgba[..., :3] * rgba[..., 3:] + background * (1 - rgba[..., 3:])
        np.testing.assert_array_equal(seen[0, 0], np.full((8, 3), background))


def test_smoothing_spreads_a_point_and_keeps_a_constant():
    point = np.zeros((2, 41, 41), "float32")
    point[0, 20, 20], point[1] = 1.0, 0.3
    images = np.zeros((2, 41, 41, 3))
    alpha = to_rgba(images, point, 100, smoothing=np.float32(3))[..., 3]
    # A Gaussian of standard deviation 3, divided by its peak.
    np.testing.assert_allclose(alpha[0, 20, [20, 23, 26]], np.exp([0, -0.5, -2.0]), atol=0.01)
    np.testing.assert_allclose(alpha[1], 1.0, atol=1e-6)


def test_a_background_shows_where_alpha_is_small(rng):
    images, transparency = rng.uniform(size=(2, 8, 8, 3)), rng.uniform(size=(2, 8, 8))
    rgba = to_rgba(images, transparency)
    colours, alpha = rgba[..., :3], rgba[..., 3:]
    mean = colours.mean(axis=(1, 2), keepdims=True)
    for background, colour in [
        ("white", 1),
        ("black", 0),
        ("grey", 0.5),
        ((0.2, 0.4, 1), (0.2, 0.4, 1)),
        (np.array([0.2, 0.4, 1]), (0.2, 0.4, 1)),
        ("mean", mean),
    ]:
        solid = to_rgba(images, transparency, background=background)
        np.testing.assert_allclose(solid[..., :3], colours * alpha + (1 - alpha) * np.array(colour), atol=1e-6)
        assert (solid[..., 3] == 1).all()
    np.testing.assert_array_equal(to_rgba(images, transparency, background=None), rgba)


def test_automatic_backgrounds_leave_colour_images_and_keep_grey_and_dark_ones_from_inverting(rng):
    images, transparency = rng.uniform(size=(2, 8, 8, 3)), rng.uniform(size=(2, 8, 8))
    images[1] *= 0.4
    automatic = to_rgba(images, transparency, background="auto")
    np.testing.assert_array_equal(automatic[0], to_rgba(images, transparency)[0])
    np.testing.assert_array_equal(automatic[1], to_rgba(images, transparency, background="mean")[1])
    grey = images[..., :1]
    np.testing.assert_array_equal(
        to_rgba(grey, transparency, background="auto"), to_rgba(grey, transparency, background="mean")
    )


def test_a_white_stroke_on_black_stays_brighter_than_its_surroundings():
    images, transparency = np.zeros((1, 9, 9, 1)), np.zeros((1, 9, 9))
    images[:, :, 4], transparency[:, :, 3:6] = 1, 1
    page = to_rgba(images, transparency, background="white")[0, ..., 0]
    assert (page[:, 0] == page[:, 4]).all()  # On white, the stroke and the page are one.
    own = to_rgba(images, transparency, background="auto")[0, ..., 0]
    assert (own[:, 4] > own[:, 0]).all()
    assert (own[:, 0] > own[:, 3]).all()


def test_bands_choose_the_channels_and_are_stretched_together(rng):
    images = rng.uniform(size=(2, 8, 8, 5)) * [1, 0.2, 0.5, 0.7, 0.1]
    np.testing.assert_array_equal(
        to_rgba(images, None, bands=(4, np.int64(2), 0)), to_rgba(images[..., [4, 2, 0]], None)
    )
    np.testing.assert_array_equal(to_rgba(images, None), to_rgba(images[..., :3], None))
    np.testing.assert_array_equal(to_rgba(images[..., :2], None), to_rgba(images[..., :1], None))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"images": np.full((1, 4, 4, 3), 2.0)}, "images"),
        ({"images": np.zeros((4, 4, 3))}, "images"),
        ({"transparency": np.zeros((1, 4, 5))}, "transparency"),
        ({"transparency": np.zeros((4, 4))}, "transparency"),
        ({"percentile": 0}, "percentile"),
        ({"percentile": 101}, "percentile"),
        ({"percentile": True}, "percentile"),
        # A wrong setting is refused even where it would have no effect.
        ({"percentile": "80", "transparency": None}, "percentile"),
        ({"smoothing": -1}, "smoothing"),
        ({"smoothing": "much"}, "smoothing"),
        ({"smoothing": float("nan")}, "smoothing"),
        ({"smoothing": True}, "smoothing"),
        ({"background": "pink"}, "background"),
        ({"background": (1, 2, 3)}, "background"),
        ({"background": (0.5, 0.5)}, "background"),
        ({"background": 0.5}, "background"),
        ({"bands": (0, 1)}, "bands"),
        ({"bands": (0, 1, 3)}, "bands"),
        ({"bands": (0, 1, -1)}, "bands"),
        ({"bands": 1}, "bands"),
    ],
)
def test_wrong_arguments_are_named(arguments, name):
    with pytest.raises(ValueError, match=f'"{name}" must'):
        to_rgba(**{"images": np.zeros((1, 4, 4, 3)), "transparency": np.zeros((1, 4, 4)), **arguments})
