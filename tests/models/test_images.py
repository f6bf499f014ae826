import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models.images import as_images, fit_images


def test_integers_count_to_255_and_one_image_is_a_batch():
    np.testing.assert_allclose(as_images("images", np.array([[[0], [51]]], "uint8")), [[[[0.0], [0.2]]]])
    np.testing.assert_allclose(as_images("images", [[[[0.25]]]]), [[[[0.25]]]])


@pytest.mark.parametrize(
    "images",
    [np.zeros((4, 4)), np.zeros((0, 4, 4, 3)), np.full((4, 4, 3), 1.5), np.full((4, 4, 3), np.nan), [[1], [1, 2]], "a"],
)
def test_what_is_no_batch_of_images(images):
    with pytest.raises(ValueError, match=r'"images" must .*Received'):
        as_images("images", images)


def test_the_centre_of_the_new_proportions_is_kept(rng):
    images = rng.uniform(size=(2, 6, 10, 3)).astype("float32")
    np.testing.assert_array_equal(fit_images(images, (6, 10)), images)
    np.testing.assert_allclose(fit_images(images, (6, 6)), images[:, :, 2:8], atol=1e-6)
    np.testing.assert_allclose(fit_images(images, (3, 10)), tf.image.resize(images[:, 1:4], (3, 10)), atol=0.35)
    # Shrinking averages: a checkerboard becomes its mean, not one of its two colours.
    board = np.indices((16, 16)).sum(0)[None, :, :, None].astype("float32") % 2
    np.testing.assert_allclose(fit_images(board, (4, 4))[:, 1:-1, 1:-1], 0.5, atol=0.05)
