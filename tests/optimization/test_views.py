import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.optimization import initial_state
from maco_tf.optimization.views import Views
from maco_tf.parametrizations import PixelParametrization
from maco_tf.transforms import GaussianNoise, RandomCrop, Repeat, Resize, UniformNoise

INPUT = (16, 16, 3)


class Noisy(keras.layers.Layer):
    """A user's layer around one of Keras's random layers."""

    def __init__(self):
        super().__init__()
        self.noise = keras.layers.GaussianNoise(0.3)

    def call(self, x):
        return self.noise(x, training=True)


def start(views, batch=3, size=20, seed=7, steps=5):
    return initial_state(PixelParametrization((size, size, 3), batch), views.generators, steps, np.atleast_1d(seed))


def test_views_are_counted_and_can_be_cut_where_an_image_first_becomes_several():
    views = Views([UniformNoise(0.1), RandomCrop((16, 16), 4), Repeat(2), GaussianNoise(0.1)], INPUT)
    assert (views.count, views.cuts) == (8, 4)
    alone = Views([Resize(16)], INPUT)
    assert (alone.count, alone.cuts) == (1, 1)


def test_a_state_depends_on_the_seed_only():
    views = Views([UniformNoise(0.1), GaussianNoise(0.1)], INPUT)
    first, second, other = (start(views, seed=seed) for seed in (7, 7, 8))
    assert first.transparency.shape == (3, 20, 20)
    assert first.history.shape == (5, 3, 1)
    assert int(first.step) == 0
    assert not np.any(first.transparency)
    np.testing.assert_array_equal(first.seeds[0], second.seeds[0])
    # Each transform has a seed of its own, and so has each run.
    assert len(np.unique([*first.seeds[0], *other.seeds[0]], axis=0)) == 4


def test_a_part_is_cut_out_of_all_views(rng):
    views = Views([UniformNoise(0.1), RandomCrop((16, 16), 4, side=0.7), Repeat(2), GaussianNoise(0.1)], INPUT)
    images = tf.constant(rng.uniform(size=(3, 20, 20, 3)), tf.float32)
    draws, _ = views.draw(3, start(views), 5)
    every = tf.reshape(draws.apply(images), (3, 4, 2, *INPUT)).numpy()
    rows = tf.constant([2, 0])
    part = draws.part(rows, 1, 2, 0).apply(tf.gather(images, rows))
    np.testing.assert_allclose(tf.reshape(part, (2, 2, 2, *INPUT)), every[[2, 0], 1:3], atol=1e-6)
    assert len(np.unique(np.round(every.reshape(24, -1), 5), axis=0)) == 24


def test_every_step_draws_other_numbers_and_the_same_ones_again(rng):
    """A user's layer draws when it is called, so each part needs other numbers too."""
    images = tf.constant(rng.uniform(size=(1, *INPUT)), tf.float32)
    for transforms in ([GaussianNoise(0.1)], [Noisy()], [lambda x: x, Noisy(), UniformNoise(0.1)]):
        views = Views(transforms, INPUT)
        state = start(views, 1, 16)
        draws, seeds = views.draw(1, state, 5)
        following, _ = views.draw(1, state._replace(step=state.step + 1, seeds=seeds), 5)
        np.testing.assert_array_equal(draws.apply(images), draws.apply(images))
        assert np.abs(draws.apply(images) - following.apply(images)).mean() > 0.02
    views = Views([Repeat(2), Noisy()], INPUT)
    draws, _ = views.draw(1, start(views, 1, 16), 5)
    first, second = (draws.part(tf.constant([0]), number, 1, number).apply(images) for number in (0, 1))
    assert np.abs(first - second).mean() > 0.1


def test_each_seed_draws_for_its_images_what_it_draws_without_the_others(rng):
    views = Views([UniformNoise(0.1), RandomCrop((16, 16), 4, side=0.7), GaussianNoise(0.1)], INPUT)
    images = tf.constant(rng.uniform(size=(2, 20, 20, 3)), tf.float32)
    state = start(views, 4, seed=(7, 8))
    for _ in range(2):  # In the following step too.
        draws, seeds = views.draw(4, state, 5)
        together = draws.apply(tf.concat([images, images], 0)).numpy()
        for number in range(2):
            alone, _ = views.draw(2, state._replace(seeds=[state.seeds[number]]), 5)
            np.testing.assert_allclose(together[8 * number : 8 * number + 8], alone.apply(images), atol=1e-6)
        assert np.abs(together[:8] - together[8:]).max() > 0.1
        state = state._replace(step=state.step + 1, seeds=seeds)


def test_a_callable_must_keep_the_number_of_images():
    views = Views([lambda images: tf.repeat(images, 2, axis=0)], INPUT)
    draws, _ = views.draw(1, start(views, 1, 16), 5)
    with pytest.raises(ValueError, match=r'"transforms" must keep the number of images.*transforms\.Repeat'):
        draws.apply(tf.zeros((1, *INPUT)))


def test_views_must_have_the_size_of_the_input():
    views = Views([RandomCrop((8, 16), 2)], INPUT)
    draws, _ = views.draw(1, start(views, 1, 16), 5)
    with pytest.raises(ValueError, match=r'"transforms" must bring images to.*Received: \(8, 16, 3\)'):
        draws.apply(tf.zeros((1, *INPUT)))
