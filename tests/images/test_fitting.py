"""The user's images, brought to the range and size of a model's input."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from maco_tf.display import write_png
from maco_tf.images import ImageSet
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


def test_every_form_of_images_becomes_the_same_batch(rng, tmp_path):
    images = rng.integers(0, 256, (3, 6, 7, 3)).astype("uint8")
    paths = [write_png(tmp_path / f"{index}.png", image / 255) for index, image in enumerate(images)]
    for form in (
        list(images),
        [tf.constant(image) for image in images],
        [Image.fromarray(image) for image in images],
        paths,
        np.array([str(path) for path in paths]),
        tmp_path,
        str(tmp_path),
        tf.data.Dataset.from_tensor_slices((images, [0, 1, 2])).batch(2),
        ImageSet(tmp_path),
        ImageSet(images),
    ):
        np.testing.assert_array_equal(as_images("images", form), as_images("images", images))
    np.testing.assert_array_equal(as_images("image", paths[1]), as_images("image", images[1]))
    assert as_images("images", tmp_path, 1).shape == (3, 6, 7, 1)


def test_images_of_different_sizes_are_fitted_to_one(rng):
    images = [rng.uniform(size=size).astype("float32") for size in ((10, 6, 3), (8, 12, 3), (10, 6, 3))]
    squares = as_images("images", images)
    assert squares.shape == (3, 8, 8, 3)
    np.testing.assert_allclose(squares[1], images[1][:, 2:10], atol=1e-6)
    np.testing.assert_allclose(squares[0], fit_images(images[0][None], (8, 8))[0], atol=1e-6)
    fitted = as_images("images", images, size=(4, 6))
    for image, result in zip(images, fitted):
        np.testing.assert_allclose(result, fit_images(image[None], (4, 6))[0], atol=1e-6)
    # Images of one size are not resized.
    np.testing.assert_array_equal(as_images("images", images[::2], size=(4, 6)), images[::2])


@pytest.mark.parametrize(
    "images", [[], "nowhere.png", (image for image in "a"), [np.zeros((4, 4, 3)), np.zeros((4, 4, 1))]]
)
def test_other_forms_that_are_not_images_are_refused(images):
    with pytest.raises(ValueError, match=r'"start" must .*Received'):
        as_images("start", images)


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
