import numpy as np
import pytest

from maco_tf.display.shading import patch_tiles, shade


def test_brightness_by_hand():
    images = np.full((1, 1, 3, 3), 0.5)
    masks = np.array([[[0, 0.2, 0.8]]])
    np.testing.assert_allclose(shade(images, masks, floor=0.5, full=0.4)[0, 0, :, 0], [0.25, 0.375, 0.5], rtol=1e-6)
    np.testing.assert_allclose(shade(images, masks, floor=1), images, rtol=1e-6)


def test_grey_and_many_channels_become_three(rng):
    images = rng.uniform(size=(2, 4, 4, 5))
    masks = np.ones((2, 4, 4))
    np.testing.assert_allclose(shade(images, masks), images[..., :3], rtol=1e-6)
    np.testing.assert_allclose(shade(images[..., :1], masks), np.repeat(images[..., :1], 3, axis=-1), rtol=1e-6)


def test_a_contour_surrounds_the_mask():
    masks = np.zeros((1, 9, 9))
    masks[0, 3:6, 3:6] = 1
    picture = shade(np.zeros((1, 9, 9, 3)), masks, contour=0.5)[0, ..., 0]
    np.testing.assert_array_equal(np.argwhere(picture == 1).min(axis=0), [3, 3])
    assert picture[3, 4] == 1
    assert picture[4, 4] == 0
    assert picture[0, 0] == 0


def test_a_tile_is_the_patch_of_a_square_box(rng):
    images = rng.uniform(size=(1, 12, 12, 3)).astype("float32")
    tiles = patch_tiles(images, np.ones((1, 12, 12)), np.array([[2, 3, 8, 9]]), 6, context=1)
    np.testing.assert_allclose(tiles[0], images[0, 2:8, 3:9], atol=1e-6)


def test_boxes_become_squares_with_context_within_the_image():
    ramp = np.broadcast_to(np.arange(12) / 12, (1, 12, 12)).astype("float32")[..., None]
    whole = np.ones((1, 12, 12))
    # A box of 4 x 2 pixels becomes 4 x 4 around the same centre, columns 4 to 7.
    tile = patch_tiles(ramp, whole, np.array([[2, 5, 6, 7]]), 4, context=1)[0]
    np.testing.assert_allclose(tile[0, :, 0], np.arange(4, 8) / 12, rtol=1e-5)
    # With context 2 it would reach over the border, and is moved inside: columns 0 to 7.
    tile = patch_tiles(ramp, whole, np.array([[2, 1, 6, 3]]), 8, context=2)[0]
    np.testing.assert_allclose(tile[0, :, 0], np.arange(8) / 12, rtol=1e-5, atol=1e-7)


def test_a_patch_that_cannot_be_square_lies_on_white():
    tile = patch_tiles(np.zeros((1, 4, 8, 3)), np.ones((1, 4, 8)), np.array([[0, 0, 4, 8]]), 8)[0]
    assert (tile[2:6] == 0).all()
    assert (tile[:2] == 1).all()
    assert (tile[6:] == 1).all()


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (shade, (np.zeros((1, 4, 4, 3)), np.zeros((1, 4, 5))), '"masks"'),
        (shade, (np.zeros((1, 4, 4, 3)), 2 * np.ones((1, 4, 4))), '"masks"'),
        (patch_tiles, (np.zeros((1, 4, 4, 3)), np.zeros((1, 4, 4)), np.zeros((2, 4))), '"boxes"'),
    ],
)
def test_errors_name_the_argument(function, arguments, name):
    with pytest.raises(ValueError, match=name):
        function(*arguments)
