import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms import Jitter


def numbered(batch, height, width, channels=1):
    """Images whose pixel values are their positions."""
    image = np.arange(height * width * channels, dtype="float32").reshape(1, height, width, channels)
    return np.repeat(image, batch, axis=0)


@pytest.mark.parametrize("channels", [1, 5])
def test_every_view_is_a_window_of_its_image(channels):
    images = numbered(20, 9, 7, channels)
    views = Jitter(3)(tf.constant(images)).numpy()
    assert views.shape == (20, 6, 4, channels)
    for image, view in zip(images, views):
        top, left = divmod(int(view[0, 0, 0]) // channels, 7)
        np.testing.assert_array_equal(view, image[top : top + 6, left : left + 4])


def test_offsets_are_uniform_and_independent():
    corners = Jitter(2)(tf.constant(numbered(4500, 4, 5))).numpy()[:, 0, 0, 0].astype(int)
    offsets, counts = np.unique(corners, return_counts=True)
    np.testing.assert_array_equal(offsets, [0, 1, 2, 5, 6, 7, 10, 11, 12])
    # Nine offsets, 500 times each, within five standard deviations.
    np.testing.assert_allclose(counts, 500, atol=5 * np.sqrt(500 * 8 / 9))
    # Neighbours in the batch are independent: their offsets agree one time in nine.
    assert np.mean(corners[1:] == corners[:-1]) == pytest.approx(1 / 9, abs=0.025)


def test_the_gradient_returns_to_the_pixels_that_were_kept(rng):
    images = tf.constant(numbered(3, 6, 8))
    weights = rng.normal(size=(3, 4, 6, 1)).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        views = Jitter(2)(images)
        loss = tf.reduce_sum(weights * views)
    expected = np.zeros((3, 48))
    for index in range(3):
        expected[index, views[index].numpy().astype(int).ravel()] = weights[index].ravel()
    np.testing.assert_array_equal(tape.gradient(loss, images), expected.reshape(3, 6, 8, 1).astype("float32"))


def test_no_jitter_changes_nothing():
    np.testing.assert_array_equal(Jitter(0)(tf.constant(numbered(2, 4, 4))), numbered(2, 4, 4))


def test_something_of_the_image_must_remain():
    assert Jitter(4)(tf.zeros((1, 5, 9, 3))).shape == (1, 1, 5, 3)
    with pytest.raises(ValueError, match=r'"pixels" must be less than .* Received: 5, and images of 5 x 9 pixels'):
        Jitter(5)(tf.zeros((1, 5, 9, 3)))


@pytest.mark.parametrize("pixels", [-1, 1.5, "8", True])
def test_bad_arguments(pixels):
    with pytest.raises(ValueError, match='"pixels" must be an integer of at least 0'):
        Jitter(pixels)
