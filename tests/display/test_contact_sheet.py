import itertools

import numpy as np
import pytest

from maco_tf.display.contact_sheet import contact_sheet
from maco_tf.display.grid import wrapped


def titles(figure):
    return [axis.get_title() for axis in figure.axes if axis.images]


def test_long_names_stay_above_their_own_image(rng):
    names = ["logit 254 - 0.5 block5b_add:10 - 10 total variation", "pug", "a" * 300]
    figure = contact_sheet(rng.uniform(size=(3, 8, 8, 3)), None, names)
    figure.draw_without_rendering()
    boxes = [axis.title.get_window_extent() for axis in figure.axes]
    for left, right in itertools.pairwise(boxes):
        assert left.x1 < right.x0
    assert all(box.x0 >= 0 and box.y1 <= figure.bbox.y1 for box in boxes)
    assert titles(figure)[0].replace("\n", " ") == names[0]


def test_names_are_cut_after_the_third_line():
    assert wrapped("pug - 0.5 c", 38) == "pug - 0.5 c"
    assert wrapped("", 5) == ""
    assert wrapped("one two three four five", 5) == "one\ntwo\n..."


def test_an_image_that_no_gradient_reached_is_marked(rng):
    transparency = rng.uniform(size=(2, 8, 8))
    transparency[1] = 0
    images = rng.uniform(size=(2, 8, 8, 3))
    assert titles(contact_sheet(images, transparency, ["a", "b"])) == ["a", "b (no gradient)"]
    assert titles(contact_sheet(images, None, ["a", "b"])) == ["a", "b"]


@pytest.mark.parametrize("columns", [0, -1, 2.0, "two"])
def test_bad_columns(columns):
    with pytest.raises(ValueError, match='"columns" must be an integer of at least 1'):
        contact_sheet(np.zeros((1, 8, 8, 3)), columns=columns)
