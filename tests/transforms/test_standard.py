import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms import (
    GaussianBlur,
    Jitter,
    Pad,
    RandomFlip,
    RandomScale,
    Uniform,
    lucid_standard,
    paper_standard,
)


def applied(transforms, images):
    for transform in transforms:
        images = transform(images)
    return images


def test_the_settings_of_lucid():
    pad, jitter, scale, rotate, last = lucid_standard()
    assert (pad.pixels, pad.value) == (12, 0.5)
    assert (jitter.pixels, last.pixels) == (8, 4)
    np.testing.assert_allclose(scale.scales.values, np.linspace(0.9, 1.1, 11))
    values, counts = np.unique(rotate.degrees.values, return_counts=True)
    np.testing.assert_array_equal(values, np.arange(-10, 11))
    np.testing.assert_array_equal(counts, [6 if value == 0 else 1 for value in values])


@pytest.mark.parametrize(("size", "unit"), [(512, 32), (300, 18), (31, 1)])
def test_the_settings_of_the_paper(size, unit):
    """The table is `generate_standard_transformations` of xplique 2.0.2, where `unit = int(size / 16)`."""
    pad, *jitters, scale, blur, first, second, flip = paper_standard(size)
    assert [type(one) for one in (pad, scale, blur, flip)] == [Pad, RandomScale, GaussianBlur, RandomFlip]
    assert all(isinstance(one, Jitter) for one in (*jitters, first, second))
    assert (pad.pixels, pad.value) == (4 * unit, 0.5)
    assert [one.pixels for one in jitters] == [2 * unit, 2 * unit, 4 * unit, 4 * unit, 4 * unit]
    assert scale.scales == Uniform(0.92, 0.96)
    assert (blur.size, blur.sigma) == (10, Uniform(1.0, 1.1))
    assert (first.pixels, second.pixels) == (unit, unit)
    assert (flip.horizontal, flip.vertical) == (True, False)


@pytest.mark.parametrize(("transforms", "change"), [(lucid_standard(), 12), (paper_standard(40), -20)])
@pytest.mark.parametrize("channels", [1, 5])
def test_sizes_change_as_documented_and_grey_stays_grey(transforms, change, channels):
    views = applied(transforms, tf.fill((2, 40, 51, channels), 0.5))
    assert views.shape == (2, 40 + change, 51 + change, channels)
    np.testing.assert_allclose(views, 0.5, atol=1e-6)


def test_small_images_are_refused():
    with pytest.raises(ValueError, match=r'"size" must be an integer of at least 16\. Received: 12'):
        paper_standard(12)
    with pytest.raises(ValueError, match=r'"pixels" must be less than .* Received: 16, and images of 8 x 32 pixels'):
        applied(paper_standard(64), tf.zeros((1, 24, 48, 3)))
