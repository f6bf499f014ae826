"""Random numbers that are the same plain and under XLA, but for rounding.

Two things differ otherwise. Left to itself, TensorFlow takes the generator that a device has the fastest kernel of, and
XLA another; Philox (Salmon et al., 2011, "Parallel random numbers: as easy as 1, 2, 3") gives the same bits everywhere,
and is what a CPU takes by itself. `keras.random` cannot be told which. And from the same bits XLA makes other floats:
it takes a fraction's digits from the high end of an integer, TensorFlow from the low end, and a normal number from one
integer by the inverse of the distribution, TensorFlow two from two by Box and Muller. So under XLA the floats are made
here, as TensorFlow's kernels make them (`random_distributions.h` in its sources).
"""

import contextlib
import contextvars
import math

import tensorflow as tf

_ALGORITHM = "philox"
_UNDER_XLA = contextvars.ContextVar("under_xla", default=False)


@contextlib.contextmanager
def drawn_under(jit_compile):
    """A block in which a graph is traced that XLA compiles, or does not.

    Args:
        jit_compile: whether it does.
    """
    token = _UNDER_XLA.set(jit_compile)
    try:
        yield
    finally:
        _UNDER_XLA.reset(token)


def uniform(shape, seed, low=0.0, high=1.0):
    """Numbers uniform in [low, high).

    Args:
        shape: tuple of integers.
        seed: int32 tensor (2,), see `next_seed`.
        low: least number.
        high: upper bound.

    Returns:
        Float32 tensor of the shape.
    """
    if not _UNDER_XLA.get():
        return tf.random.stateless_uniform(shape, seed, low, high, alg=_ALGORITHM)
    return low + (high - low) * _fractions(_bits(shape, seed))


def normal(shape, seed):
    """Standard normal numbers.

    Args:
        shape: tuple of integers.
        seed: int32 tensor (2,), see `next_seed`.

    Returns:
        Float32 tensor of the shape.
    """
    if not _UNDER_XLA.get():
        return tf.random.stateless_normal(shape, seed, alg=_ALGORITHM)
    size = math.prod(shape)
    fractions = _fractions(_bits((size + size % 2,), seed))
    radius = tf.sqrt(-2.0 * tf.math.log(tf.maximum(fractions[::2], 1e-7)))
    angle = 2 * math.pi * fractions[1::2]
    pairs = tf.stack([radius * tf.sin(angle), radius * tf.cos(angle)], axis=1)
    return tf.reshape(tf.reshape(pairs, (-1,))[:size], shape)


def integers(shape, seed, end):
    """Integers, each of 0 to `end - 1` equally likely.

    Args:
        shape: tuple of integers.
        seed: int32 tensor (2,), see `next_seed`.
        end: integer from 1.

    Returns:
        Int32 tensor of the shape.
    """
    return tf.random.stateless_uniform(shape, seed, 0, end, tf.int32, alg=_ALGORITHM)


def split(seed, count):
    """Several seeds from one.

    Args:
        seed: int32 tensor (2,).
        count: how many.

    Returns:
        Int32 tensor (count, 2).
    """
    return tf.random.split(seed, count, alg=_ALGORITHM)


def next_seed(generator):
    """A generator's next seed, made as `keras.random` makes it.

    Args:
        generator: a `keras.random.SeedGenerator`.

    Returns:
        Int32 tensor (2,).
    """
    # Keras counts in int64 on TensorFlow, whose kernels take int32 everywhere.
    return tf.cast(tf.math.floormod(generator.next(), tf.int32.max - 1), tf.int32)


def _bits(shape, seed):
    return tf.random.stateless_uniform(shape, seed, None, None, tf.uint32, alg=_ALGORITHM)


def _fractions(bits):
    """Uniform in [0, 1): the low 23 bits as the digits of a float32 in [1, 2)."""
    one = tf.constant(0x3F800000, tf.uint32)
    digits = tf.bitwise.bitwise_and(bits, tf.constant(0x7FFFFF, tf.uint32))
    return tf.bitcast(tf.bitwise.bitwise_or(digits, one), tf.float32) - 1.0
