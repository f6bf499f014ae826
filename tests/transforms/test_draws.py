"""A seed gives the same numbers in plain TensorFlow, under XLA and in Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms.draws import drawn_under, integers, next_seed, normal, split, uniform

DRAWS = {
    "uniform": lambda shape, seed: uniform(shape, seed, -1.0, 1.0),
    "normal": normal,
    "integers": lambda shape, seed: integers(shape, seed, 11),
    "split": lambda shape, seed: split(seed, shape[0]),
}


@pytest.mark.parametrize("shape", [(257, 3), (16, 8, 3), (1,)])
@pytest.mark.parametrize("name", DRAWS)
def test_xla_draws_what_plain_tensorflow_draws(name, shape):
    def compiled(seed):
        with drawn_under(jit_compile=True):
            return DRAWS[name](shape, seed)

    function = tf.function(compiled, autograph=False, jit_compile=True)
    for seed in ([123456789, -7], [0, 3]):
        plain, xla = DRAWS[name](shape, tf.constant(seed)), function(tf.constant(seed))
        # Uniform numbers come from exact operations, normal numbers from logarithms and sines that round.
        np.testing.assert_allclose(plain, xla, rtol=0, atol=1e-5 if name == "normal" else 0)
        assert plain.shape == xla.shape
        assert plain.dtype == xla.dtype


def test_the_setting_ends_with_its_block():
    seed = tf.constant([1, 2])
    ours = normal((9,), seed)
    with pytest.raises(ZeroDivisionError), drawn_under(jit_compile=True):
        raise ZeroDivisionError
    np.testing.assert_array_equal(normal((9,), seed), ours)


def test_a_generator_gives_the_numbers_of_keras():
    """On a CPU, where Keras uses Philox as well."""
    with tf.device("CPU"):
        ours, theirs = keras.random.SeedGenerator(5), keras.random.SeedGenerator(5)
        for _ in range(2):
            np.testing.assert_array_equal(uniform((9,), next_seed(ours)), keras.random.uniform((9,), seed=theirs))
            np.testing.assert_array_equal(normal((9,), next_seed(ours)), keras.random.normal((9,), seed=theirs))
            np.testing.assert_array_equal(
                integers((9,), next_seed(ours), 7), keras.random.randint((9,), 0, 7, seed=theirs)
            )
