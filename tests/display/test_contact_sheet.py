import itertools

import numpy as np
import pytest

from maco_tf.display import contact_sheet, to_rgba


def titles(figure):
    return [axis.get_title() for axis in figure.axes if axis.images]


def test_long_titles_stay_above_their_own_image(rng):
    names = ["logit 254 - 0.5 block5b_add:10 - 10 total variation", "pug", "a" * 300]
    figure = contact_sheet(rng.uniform(size=(3, 8, 8, 3)), None, names)
    figure.draw_without_rendering()
    boxes = [axis.title.get_window_extent() for axis in figure.axes]
    for left, right in itertools.pairwise(boxes):
        assert left.x1 < right.x0
    assert all(box.x0 >= 0 and box.y1 <= figure.bbox.y1 for box in boxes)
    assert titles(figure)[0].replace("\n", " ") == names[0]


def test_an_image_that_no_gradient_reached_is_marked(rng):
    transparency = rng.uniform(size=(2, 8, 8))
    transparency[1] = 0
    images = rng.uniform(size=(2, 8, 8, 3))
    assert titles(contact_sheet(images, transparency, ["a", "b"])) == ["a", "b (no gradient)"]
    assert titles(contact_sheet(images, None, ["a", "b"])) == ["a", "b"]


def test_columns_set_the_places(rng):
    figure = contact_sheet(rng.uniform(size=(5, 8, 8, 3)), columns=np.int64(3))
    assert figure.axes[0].get_gridspec().get_geometry() == (2, 3)
    assert len(titles(figure)) == 5


@pytest.mark.parametrize("columns", [0, -1, 2.0, "two", True])
def test_columns_must_be_a_positive_integer(columns):
    with pytest.raises(ValueError, match='"columns" must be an integer of at least 1'):
        contact_sheet(np.zeros((1, 8, 8, 3)), columns=columns)


def test_no_image_is_left_out():
    """Without the check, the image without a title would not be drawn."""
    with pytest.raises(ValueError, match='"names" must have one title for each of 2'):
        contact_sheet(np.zeros((2, 8, 8, 3)), None, ["one"])
    with pytest.raises(ValueError, match='"images" must hold at least one'):
        contact_sheet(np.zeros((0, 8, 8, 3)))


@pytest.mark.parametrize(
    ("channels", "bands", "said"),
    [
        (3, None, ""),
        (1, None, ""),
        (2, None, "channel 0 of 2"),
        (5, None, "channels 0, 1, 2 of 5"),
        (12, (7, 3, 1), "channels 7, 3, 1 of 12"),
        (3, (2, 1, 0), ""),
    ],
)
def test_the_sheet_says_which_of_many_channels_it_shows(rng, channels, bands, said):
    images = rng.uniform(size=(2, 8, 8, channels))
    figure = contact_sheet(images, None, ["a", "b"], bands=bands)
    figure.draw_without_rendering()
    assert figure.get_suptitle() == said
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), to_rgba(images, None, bands=bands)[1])
    if said:
        line = figure._suptitle.get_window_extent()
        assert line.y0 >= max(axis.title.get_window_extent().y1 for axis in figure.axes)


def test_a_grey_image_has_its_mean_behind_it_and_a_colour_image_the_page(rng):
    transparency = rng.uniform(size=(1, 8, 8))
    for channels, background in ((1, "mean"), (3, None)):
        images = rng.uniform(size=(1, 8, 8, channels))
        (drawn,) = contact_sheet(images, transparency).axes
        expected = to_rgba(images, transparency, background=background)[0]
        np.testing.assert_array_equal(drawn.images[0].get_array(), expected)
