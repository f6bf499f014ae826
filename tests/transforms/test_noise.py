import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms import GaussianNoise, UniformNoise


def test_mean_and_spread():
    images = tf.fill((4, 32, 32, 3), 0.5)
    normal = GaussianNoise(0.1)(images).numpy() - 0.5
    uniform = UniformNoise(0.2)(images).numpy() - 0.5
    assert normal.std() == pytest.approx(0.1, rel=0.02)
    assert abs(normal.mean()) < 0.005
    assert np.abs(uniform).max() <= 0.2
    assert uniform.std() == pytest.approx(0.2 / np.sqrt(3), rel=0.02)


def test_a_schedule_and_new_numbers_at_every_call():
    noise = GaussianNoise((0.2, 0.0))
    images = tf.zeros((1, 16, 16, 1))
    np.testing.assert_array_equal(noise(images, 9, 10), images)
    assert not np.allclose(noise(images, 0, 10), noise(images, 0, 10))


@pytest.mark.parametrize("noise", [GaussianNoise(0.1), UniformNoise(0.1)])
def test_the_noise_of_a_view_depends_on_its_seed_only(noise):
    images = tf.zeros((3, 8, 9, 2))
    seeds, amounts = noise.draw(3)
    whole = noise.apply(images, (seeds, amounts))
    for view in range(3):
        alone = noise.apply(images[:1], (seeds[view : view + 1], amounts[:1]))
        np.testing.assert_array_equal(whole[view], alone[0])
    assert not np.allclose(whole[0], whole[1])


@pytest.mark.parametrize("noise", [GaussianNoise, UniformNoise])
def test_bad_arguments(noise):
    with pytest.raises(ValueError, match=r'"(std|amplitude)" must not be negative'):
        noise((0.1, -0.1))
    with pytest.raises(ValueError, match=r'"(std|amplitude)" must be a finite number, a pair'):
        noise(True)
