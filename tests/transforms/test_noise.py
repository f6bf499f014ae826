import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms import GaussianNoise, UniformNoise


def test_distributions():
    images = tf.fill((4, 32, 32, 3), 0.5)
    normal = GaussianNoise(0.1)(images).numpy() - 0.5
    uniform = UniformNoise(0.2)(images).numpy() - 0.5
    assert normal.std() == pytest.approx(0.1, rel=0.02)
    assert abs(normal.mean()) < 0.005
    assert np.abs(uniform).max() <= 0.2
    assert uniform.std() == pytest.approx(0.2 / np.sqrt(3), rel=0.02)


def test_schedule_and_fresh_numbers():
    noise = GaussianNoise((0.2, 0.0))
    images = tf.zeros((1, 16, 16, 1))
    np.testing.assert_array_equal(noise(images, 9, 10), images)
    assert not np.allclose(noise(images, 0, 10), noise(images, 0, 10))
