"""Random numbers that agree between plain TensorFlow and XLA, except for rounding.

By default the two differ for two reasons. First, TensorFlow picks the generator that is fastest on the device, and XLA
picks another. We always use Philox (Salmon et al., 2011, "Parallel random numbers: as easy as 1, 2, 3"), which gives
the same bits everywhere and is TensorFlow's default on a CPU; `keras.random` does not let one choose. Second, XLA turns
the same bits into other floats. For a uniform number it uses the high bits of an integer, and TensorFlow uses the low
bits; for a normal number it inverts the distribution function, and TensorFlow makes two numbers from two integers by
the Box-Muller method. So under XLA we make the floats here, in the way of TensorFlow's kernels
(`random_distributions.h` in its sources).
"""

import contextlib
import contextvars
import math
from collections.abc import Iterator

import keras
import tensorflow as tf

_ALGORITHM = "philox"
_UNDER_XLA = contextvars.ContextVar("under_xla", default=False)


@contextlib.contextmanager
def drawn_under(jit_compile: bool) -> Iterator[None]:
    """Say for a block of code whether XLA compiles the graph that is traced in it.

    Args:
        jit_compile: whether XLA does.
    """
    token = _UNDER_XLA.set(jit_compile)
    try:
        yield
    finally:
        _UNDER_XLA.reset(token)


def uniform(shape: tuple[int, ...], seed: tf.Tensor, low: float = 0.0, high: float = 1.0) -> tf.Tensor:
    """Uniform numbers in [low, high).

    Args:
        shape: shape of the result.
        seed: int32 tensor (2,), see `next_seed`.
        low: lower bound.
        high: upper bound.

    Returns:
        Tensor of this shape, float32.
    """
    if not _UNDER_XLA.get():
        return tf.random.stateless_uniform(shape, seed, low, high, alg=_ALGORITHM)
    return low + (high - low) * _fractions(_bits(shape, seed))


def normal(shape: tuple[int, ...], seed: tf.Tensor) -> tf.Tensor:
    """Standard normal numbers.

    Args:
        shape: shape of the result.
        seed: int32 tensor (2,), see `next_seed`.

    Returns:
        Tensor of this shape, float32.
    """
    if not _UNDER_XLA.get():
        return tf.random.stateless_normal(shape, seed, alg=_ALGORITHM)
    size = math.prod(shape)
    fractions = _fractions(_bits((size + size % 2,), seed))
    radius = tf.sqrt(-2.0 * tf.math.log(tf.maximum(fractions[::2], 1e-7)))
    angle = 2 * math.pi * fractions[1::2]
    pairs = tf.stack([radius * tf.sin(angle), radius * tf.cos(angle)], axis=1)
    return tf.reshape(tf.reshape(pairs, (-1,))[:size], shape)


def integers(shape: tuple[int, ...], seed: tf.Tensor, end: int) -> tf.Tensor:
    """Integers from 0 to `end - 1`, equally likely.

    Args:
        shape: shape of the result.
        seed: int32 tensor (2,), see `next_seed`.
        end: number of values, at least 1.

    Returns:
        Tensor of this shape, int32.
    """
    return tf.random.stateless_uniform(shape, seed, 0, end, tf.int32, alg=_ALGORITHM)


def split(seed: tf.Tensor, count: int) -> tf.Tensor:
    """Make several seeds from one.

    Args:
        seed: int32 tensor (2,).
        count: number of new seeds.

    Returns:
        Int32 tensor (count, 2).
    """
    return tf.random.split(seed, count, alg=_ALGORITHM)


def next_seed(generator: keras.random.SeedGenerator) -> tf.Tensor:
    """The next seed of a generator, computed as in `keras.random`.

    Args:
        generator: the generator, which advances.

    Returns:
        Int32 tensor (2,).
    """
    # With TensorFlow, Keras counts in int64; TensorFlow's kernels accept int32 on every device.
    return tf.cast(tf.math.floormod(generator.next(), tf.int32.max - 1), tf.int32)


def _bits(shape: tuple[int, ...], seed: tf.Tensor) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, seed, None, None, tf.uint32, alg=_ALGORITHM)


def _fractions(bits: tf.Tensor) -> tf.Tensor:
    """Uniform numbers in [0, 1): the low 23 bits become the fraction of a float32 in [1, 2), less 1."""
    one = tf.constant(0x3F800000, tf.uint32)
    digits = tf.bitwise.bitwise_and(bits, tf.constant(0x7FFFFF, tf.uint32))
    return tf.bitcast(tf.bitwise.bitwise_or(digits, one), tf.float32) - 1.0
