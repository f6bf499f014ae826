"""Images brought to another size."""

import numpy as np
import pytest

from maco_tf.metrics import fit_image


def test_shrinking_averages_blocks(rng):
    image = rng.uniform(size=(12, 8, 5)).astype("float32")
    blocks = image.reshape(4, 3, 4, 2, 5).mean(axis=(1, 3))
    np.testing.assert_allclose(fit_image(image, 4, 4, fit="stretch"), blocks, atol=1e-6)


def test_nothing_is_aliased():
    # The finest checkerboard averages to grey; one sample for each pixel would make it black or white.
    board = (np.indices((64, 64)).sum(axis=0) % 2).astype("float32")[..., None]
    np.testing.assert_allclose(fit_image(board, 16, 16), 0.5, atol=1e-6)


def test_one_axis_may_shrink_while_the_other_grows(rng):
    image = rng.uniform(size=(8, 1, 1)).astype("float32")
    expected = np.repeat(image.reshape(4, 2, 1, 1).mean(axis=1), 3, axis=1)
    np.testing.assert_allclose(fit_image(image, 4, 3, fit="stretch"), expected, atol=1e-6)


def test_cover_takes_the_centre_and_stretch_takes_the_whole_image():
    image = np.zeros((20, 40, 1), "float32")
    image[:, 10:30] = 1
    np.testing.assert_allclose(fit_image(image, 5, 5, fit="cover"), 1)
    assert fit_image(image, 5, 5, fit="stretch").mean() == pytest.approx(0.5)


def test_crop_keeps_pixels_and_enlarges_an_image_that_is_too_small(rng):
    image = rng.uniform(size=(10, 12, 3)).astype("float32")
    np.testing.assert_array_equal(fit_image(image, 4, 6, fit="crop"), image[3:7, 3:9])
    assert fit_image(image, 20, 20, fit="crop").shape == (20, 20, 3)


@pytest.mark.parametrize("fit", ["cover", "stretch", "crop"])
@pytest.mark.parametrize("size", [(3, 50), (1, 1), (17, 5)])
def test_a_constant_image_stays_constant(fit, size):
    fitted = fit_image(np.full((*size, 2), 0.3, "float32"), 9, 11, fit=fit)
    assert fitted.shape == (9, 11, 2)
    np.testing.assert_allclose(fitted, 0.3, atol=1e-6)


def test_an_unknown_fit_is_refused():
    with pytest.raises(ValueError, match='"fit" must be one of'):
        fit_image(np.zeros((4, 4, 3), "float32"), 2, 2, fit="pad")
