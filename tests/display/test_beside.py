import itertools

import numpy as np
import pytest

from maco_tf.display import beside, mosaic, to_rgba


def test_a_mosaic_by_hand():
    images = np.arange(1, 4)[:, None, None, None] * np.full((3, 2, 1, 1), 0.25)
    tiles = mosaic(images, columns=2, gap=1)[..., 0]
    expected = [[0.25, 1, 0.5], [0.25, 1, 0.5], [1, 1, 1], [0.75, 1, 1], [0.75, 1, 1]]
    np.testing.assert_allclose(tiles, expected)
    assert mosaic(np.zeros((9, 4, 4, 3))).shape == (20, 20, 3)
    np.testing.assert_array_equal(mosaic(np.full((1, 2, 2, 1), 51), gap=0), np.full((2, 2, 1), np.float32(0.2)))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"columns": 0}, "columns"),
        ({"columns": True}, "columns"),
        ({"gap": -1}, "gap"),
        ({"images": np.zeros((0, 4, 4, 3))}, "images"),
        ({"images": np.zeros((4, 4, 3))}, "images"),
        ({"images": np.full((1, 4, 4, 3), 2.0)}, "images"),
    ],
)
def test_wrong_mosaics(arguments, name):
    with pytest.raises(ValueError, match=f'"{name}" must'):
        mosaic(**{"images": np.zeros((2, 4, 4, 3)), **arguments})


def test_visualisations_are_transparent_and_natural_images_are_not_stretched(rng):
    images, examples = rng.uniform(size=(2, 8, 8, 3)), rng.uniform(0.4, 0.6, size=(2, 4, 5, 5, 1))
    transparency = np.zeros((2, 8, 8))
    transparency[:, :2] = 1.0
    figure = beside(images, examples, transparency=transparency, names=["a", "b"])
    by_title = {axis.get_title(): axis.images[0].get_array() for axis in figure.axes[:2]}
    assert set(by_title) == {"a", "b"}
    assert by_title["a"][0, 0, 3] == 1
    assert by_title["a"][7, 7, 3] == 0
    below = figure.axes[2].images[0].get_array()
    np.testing.assert_allclose(below[:5, :5], np.repeat(examples[0, 0], 3, -1), atol=1e-6)


@pytest.mark.parametrize("size", [(8, 8), (8, 24), (24, 8)])
def test_nothing_overlaps_and_little_is_empty(rng, size):
    names = ["logit 254 - 0.5 block5b_add:10 - 10 total variation", "a" * 300, "costs $1 or $2"]
    figure = beside(rng.uniform(size=(3, *size, 3)), rng.uniform(size=(3, 6, *size, 3)), names=names)
    figure.draw_without_rendering()
    boxes = [axis.title.get_window_extent() for axis in figure.axes[:3]]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
    assert all(box.x0 >= 0 and box.y1 <= figure.bbox.y1 for box in boxes)
    covered = sum(axis.get_window_extent().width * axis.get_window_extent().height for axis in figure.axes)
    assert covered > 0.6 * figure.bbox.width * figure.bbox.height


def test_examples_and_names_must_match_the_images(rng):
    images, examples = rng.uniform(size=(2, 8, 8, 3)), rng.uniform(size=(2, 4, 8, 8, 3))
    with pytest.raises(ValueError, match='"examples" must have one set for each of 2'):
        beside(images, examples[:1])
    with pytest.raises(ValueError, match='"names" must have one title for each of 2'):
        beside(images, examples, names=["one"])


def test_bands_choose_the_channels_of_both_rows_and_grey_has_its_mean_behind_it(rng):
    images, examples = rng.uniform(size=(1, 8, 8, 5)), rng.uniform(size=(1, 1, 5, 5, 5)).astype("float32")
    top, bottom = (axis.images[0].get_array() for axis in beside(images, examples, bands=(4, 2, 0)).axes)
    np.testing.assert_array_equal(top, to_rgba(images, None, bands=(4, 2, 0))[0])
    np.testing.assert_array_equal(bottom, examples[0, 0][..., [4, 2, 0]])
    grey, transparency = images[..., :1], rng.uniform(size=(1, 8, 8))
    top = beside(grey, examples, transparency=transparency).axes[0].images[0].get_array()
    np.testing.assert_array_equal(top, to_rgba(grey, transparency, background="mean")[0])
