import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms import Normal, RandomScale, Resize
from maco_tf.transforms.resize import resize_by_matrices


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("size", [(6, 5), (20, 31), (7, 40), (13, 17)])
@pytest.mark.parametrize("channels", [1, 5])
def test_against_tensorflow(size, antialias, channels, rng):
    images = rng.uniform(size=(2, 13, 17, channels)).astype("float32")
    expected = tf.image.resize(images, size, antialias=antialias)
    np.testing.assert_allclose(Resize(size, antialias)(tf.constant(images)), expected, atol=1e-5)
    np.testing.assert_allclose(resize_by_matrices(tf.constant(images), size, antialias), expected, atol=1e-5)


def test_a_pattern_finer_than_the_output_averages_out():
    """A chequerboard: sampled once per pixel, it would alias."""
    board = tf.constant(np.indices((64, 64)).sum(0)[None, ..., None] % 2, tf.float32)
    assert Resize(24)(board).numpy()[0, 2:-2, 2:-2].std() < 0.1 * Resize(24, False)(board).numpy().std()


def test_one_number_sets_both_sides():
    assert Resize(4)(tf.ones((1, 9, 6, 3))).shape == (1, 4, 4, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0,), '"size"'), (((4, 5, 3),), '"size"'), ((4.0,), '"size"'), ((4, "yes"), '"antialias"')],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Resize(*arguments)


@pytest.mark.parametrize("channels", [1, 5])
def test_a_factor_of_one_changes_nothing(channels, rng):
    images = rng.uniform(size=(2, 9, 6, channels)).astype("float32")
    np.testing.assert_allclose(RandomScale(1.0)(tf.constant(images)), images, atol=1e-5)


def test_a_factor_of_one_half_averages_two_by_two_on_grey(rng):
    images = rng.uniform(size=(1, 8, 12, 2)).astype("float32")
    expected = np.full((1, 8, 12, 2), 0.5)
    expected[:, 2:6, 3:9] = images.reshape(1, 4, 2, 6, 2, 2).mean((2, 4))
    np.testing.assert_allclose(RandomScale(0.5)(tf.constant(images)), expected, atol=1e-5)


def test_a_factor_of_two_shows_the_middle_half():
    """A ramp stays a ramp around the same centre, half as steep."""
    ramp = tf.tile(tf.reshape(tf.range(16.0), (1, 1, 16, 1)), (1, 16, 1, 1))
    np.testing.assert_allclose(RandomScale(2.0)(ramp)[0, 5, :, 0], 7.5 + (np.arange(16) - 7.5) / 2, atol=1e-4)


def test_factors_are_drawn_for_each_image():
    ramp = tf.tile(tf.reshape(tf.range(16.0), (1, 1, 16, 1)), (200, 4, 1, 1))

    def factors(scales, step=0, steps=1):
        views = RandomScale(scales)(ramp, step, steps).numpy()
        return 1 / (views[:, 0, 9, 0] - views[:, 0, 8, 0])

    drawn = factors((1.25, 2.0))
    assert 1.249 < drawn.min() < 1.28
    assert 1.97 < drawn.max() < 2.001
    assert set(np.round(factors([1.0, 1.25, 1.5]), 3)) == {1.0, 1.25, 1.5}
    np.testing.assert_allclose(factors(lambda step: 1 + step, step=1, steps=2), 2.0, rtol=1e-4)


def test_factors_below_zero_are_clipped():
    assert np.isfinite(RandomScale(Normal(0.1, 1.0))(tf.ones((50, 8, 8, 1)))).all()


@pytest.mark.parametrize("scales", [0.0, (-0.5, 1.0), [0.9, 1.0, 0.0]])
def test_scales_must_be_above_zero(scales):
    with pytest.raises(ValueError, match='"scales" must be above 0'):
        RandomScale(scales)
