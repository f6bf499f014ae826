"""The user's images, brought to the range and size of a model's input."""

import numpy as np
import pytest
import tensorflow as tf

from maco_tf.images.fitting import as_images, check_channels, fit_images


def test_integers_count_to_255_and_one_image_becomes_a_batch():
    np.testing.assert_allclose(as_images("images", np.array([[[0], [51]]], "uint8")), [[[[0.0], [0.2]]]])
    np.testing.assert_allclose(as_images("images", [[[[0.25]]]]), [[[[0.25]]]])


@pytest.mark.parametrize(
    "images",
    [np.zeros((4, 4)), np.zeros((0, 4, 4, 3)), np.full((4, 4, 3), 1.5), np.full((4, 4, 3), np.nan), [[1], [1, 2]], "a"],
)
def test_arrays_that_are_not_images_are_refused(images):
    with pytest.raises(ValueError, match=r'"images" must .*Received'):
        as_images("images", images)


def test_another_number_of_channels_is_refused_with_a_remedy():
    check_channels("images", np.zeros((1, 4, 4, 3)), 3)
    for found, wanted, remedy in ((4, 3, r"images\[..., :3\]"), (1, 3, r"np\.repeat"), (3, 1, "")):
        with pytest.raises(ValueError, match=rf'"images" must have .* {wanted}\. Received: {found}\..*{remedy}'):
            check_channels("images", np.zeros((1, 4, 4, found)), wanted)


def test_images_are_cropped_around_the_centre_and_resized(rng):
    images = rng.uniform(size=(2, 6, 10, 3)).astype("float32")
    np.testing.assert_array_equal(fit_images(images, (6, 10)), images)
    np.testing.assert_allclose(fit_images(images, (6, 6)), images[:, :, 2:8], atol=1e-6)
    np.testing.assert_allclose(fit_images(images, (3, 10)), tf.image.resize(images[:, 1:4], (3, 10)), atol=0.35)
    # Shrinking averages: a checkerboard becomes grey, not black or white.
    board = np.indices((16, 16)).sum(0)[None, :, :, None].astype("float32") % 2
    np.testing.assert_allclose(fit_images(board, (4, 4))[:, 1:-1, 1:-1], 0.5, atol=0.05)
