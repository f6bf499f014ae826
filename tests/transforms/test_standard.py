import inspect

import numpy as np
import pytest
import tensorflow as tf
from xplique.features_visualizations.transformations import generate_standard_transformations

from maco_tf.transforms import apply_transforms, lucid_standard, paper_standard


def test_lucids_five_and_their_settings():
    pad, jitter, scale, rotate, last = lucid_standard()
    assert repr(pad) == "Pad(pixels=12, value=0.5)"
    assert (repr(jitter), repr(last)) == ("Jitter(pixels=8)", "Jitter(pixels=4)")
    np.testing.assert_allclose(scale.scales.values, np.linspace(0.9, 1.1, 11))
    values, counts = np.unique(rotate.degrees.values, return_counts=True)
    np.testing.assert_array_equal(values, np.arange(-10, 11))
    np.testing.assert_array_equal(counts, [6 if value == 0 else 1 for value in values])


@pytest.mark.parametrize("size", [512, 300, 31])
def test_the_papers_set_is_xpliques(size):
    """xplique's functions, one by one, tell what they were made with."""
    composed = generate_standard_transformations(size)
    theirs = [
        (function.__qualname__.split(".")[0], inspect.getclosurevars(function).nonlocals)
        for function in inspect.getclosurevars(composed).nonlocals["transformations"]
    ]
    ours = paper_standard(size)
    assert len(ours) == len(theirs) == 11
    for (name, settings), transform in zip(theirs, ours):
        kind = {"pad": "Pad", "random_jitter": "Jitter", "random_scale": "RandomScale", "random_blur": "GaussianBlur"}
        assert type(transform).__name__ == kind.get(name, "RandomFlip")
        if name == "pad":
            assert settings["pad_array"][1] == (transform.pixels, transform.pixels)
        elif name == "random_jitter":
            assert settings["delta"] == transform.pixels
        elif name == "random_scale":
            bounds = float(settings["min_scale"]), float(settings["max_scale"])
            assert bounds == pytest.approx((transform.scales.low, transform.scales.high))
        elif name == "random_blur":
            bounds = float(settings["sigma_min"]), float(settings["sigma_max"])
            assert bounds == pytest.approx((transform.sigma.low, transform.sigma.high))
            assert float(settings["kernel_size"]) == transform.size
        else:
            assert (settings["horizontal"], settings["vertical"]) == (transform.horizontal, transform.vertical)


@pytest.mark.parametrize(("transforms", "change"), [(lucid_standard(), 12), (paper_standard(40), -20)])
@pytest.mark.parametrize("channels", [1, 5])
def test_sizes_and_grey_stays_grey(transforms, change, channels):
    views = apply_transforms(transforms, tf.fill((2, 40, 51, channels), 0.5))
    assert views.shape == (2, 40 + change, 51 + change, channels)
    np.testing.assert_allclose(views, 0.5, atol=1e-6)


def test_small_images_are_told():
    with pytest.raises(ValueError, match=r'"size" must be an integer of at least 16\. Received: 12'):
        paper_standard(12)
    with pytest.raises(ValueError, match="16 for images of 8 x 32 pixels at this point, of which nothing would remain"):
        apply_transforms(paper_standard(64), tf.zeros((1, 24, 48, 3)))
