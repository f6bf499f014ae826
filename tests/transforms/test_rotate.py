import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from maco_tf.transforms import RandomRotate
from maco_tf.transforms.rotate import rotate


@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize("size", [(8, 8), (9, 9), (7, 12)])
def test_half_turns_and_no_turn(size, channels, rng):
    images = rng.uniform(size=(2, *size, channels)).astype("float32")
    np.testing.assert_allclose(RandomRotate(0)(tf.constant(images)), images, atol=1e-6)
    np.testing.assert_allclose(RandomRotate(180)(tf.constant(images)), images[:, ::-1, ::-1], atol=1e-5)


@pytest.mark.parametrize("side", [8, 9])
def test_quarter_turns_of_a_square_against_numpy(side, rng):
    images = rng.uniform(size=(2, side, side, 3)).astype("float32")
    np.testing.assert_allclose(RandomRotate(90)(tf.constant(images)), np.rot90(images, axes=(1, 2)), atol=1e-5)
    np.testing.assert_allclose(RandomRotate(-90)(tf.constant(images)), np.rot90(images, -1, axes=(1, 2)), atol=1e-5)


def scipys(image, angle):
    """Bilinear rotation of an image that grey surrounds."""
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = (np.array(image.shape[:2]) - 1) / 2
    offset = centre - matrix @ centre
    channels = [
        ndimage.affine_transform(channel, matrix, offset, order=1, mode="grid-constant", cval=0.5)
        for channel in np.moveaxis(image.astype("float64"), -1, 0)
    ]
    return np.stack(channels, -1)


@pytest.mark.parametrize("size", [(16, 16), (13, 22)])
def test_any_angle_against_scipy(size, rng):
    images = rng.uniform(size=(5, *size, 2)).astype("float32")
    angles = np.array([0.1, -0.7, 1.9, 3.0, -2.4])
    rotated = rotate(tf.constant(images), tf.constant(angles, tf.float32))
    expected = [scipys(image, angle) for image, angle in zip(images, angles)]
    np.testing.assert_allclose(rotated, expected, atol=1e-4)


@pytest.mark.parametrize("angle", [0.0, 0.15, np.pi / 4, -2.0])
def test_the_gradient_is_the_transposed_map(angle, rng):
    """Without the grey, rotation is linear; its gradient must be the transpose of its matrix."""
    height, width = 5, 4
    deltas = tf.constant(np.eye(20, dtype="float32").reshape(20, height, width, 1))
    angles = tf.fill((20,), np.float32(angle))
    grey = rotate(tf.zeros_like(deltas), angles)
    matrix = (rotate(deltas, angles) - grey).numpy().reshape(20, 20)
    images = tf.constant(rng.uniform(size=(20, height, width, 1)).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_sum(deltas * rotate(images, angles))
    np.testing.assert_allclose(tape.gradient(loss, images).numpy().reshape(20, 20).T, matrix, atol=1e-5)


def test_angles_are_drawn_for_each_image(rng):
    """The angle follows from the slope of a ramp."""
    ramp = tf.tile(tf.reshape(tf.range(9.0), (1, 1, 9, 1)), (300, 9, 1, 1))

    def angles(degrees):
        views = RandomRotate(degrees)(ramp).numpy()[..., 0]
        across, down = views[:, 4, 5] - views[:, 4, 4], views[:, 5, 4] - views[:, 4, 4]
        return np.degrees(np.arctan2(-down, across))

    drawn = angles((-20, 40))
    assert -20.01 < drawn.min() < -18
    assert 38 < drawn.max() < 40.01
    values, counts = np.unique(np.round(angles([-10, 0, 0, 10])), return_counts=True)
    np.testing.assert_array_equal(values, [-10, 0, 10])
    assert counts[1] == pytest.approx(150, abs=5 * np.sqrt(75))


def test_bad_arguments():
    with pytest.raises(ValueError, match='"degrees" must be a finite number, a pair'):
        RandomRotate("upside down")
