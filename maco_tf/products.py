"""Matrix products in full float32, on a GPU too.

TensorFloat-32 lets a GPU round the factors of float32 products to 10 of their 23 bits. TensorFlow has one switch for
the whole process, which is on by default, and reads it when an operation runs (under XLA: when it compiles), so a
network with TensorFloat-32 and products without it cannot share a function. The images, the views and the scores must
not be rounded, whatever the precision of the network is. So all products of ours are made here, by parts that the
rounding does not change.
"""

from collections.abc import Callable

import tensorflow as tf

# The lower bits of a float32 that TensorFloat-32 drops, and half of the last bit that it keeps.
_DROPPED, _HALF = 0x1FFF, 0x1000


def may_round() -> bool:
    """Whether products may run on a device that rounds their factors."""
    return bool(tf.config.list_logical_devices("GPU"))


def einsum(equation: str, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """`tf.einsum` of two tensors, whose relative error stays near 2**-22 where TensorFloat-32 would make it 2**-11.

    Args:
        equation: such as "ij,jk->ik", without an ellipsis. An index that is missing in the result is in both factors.
        a: float32 tensor.
        b: float32 tensor.

    Returns:
        Float32 tensor. On a CPU, it is that of `tf.einsum`, bit for bit.
    """
    return _einsum_in_parts(equation, a, b) if may_round() else tf.einsum(equation, a, b)


def products_of_rows(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """The scalar product of every row of `a` with every row of `b`, as precise as `einsum`.

    Args:
        a: tensor (rows, size), float32.
        b: tensor (other rows, size), float32.

    Returns:
        Tensor (rows, other rows).
    """
    # On a CPU, `tf.matmul` rounds in another way than `tf.einsum`.
    return _einsum_in_parts("ik,jk->ij", a, b) if may_round() else tf.matmul(a, b, transpose_b=True)


def _einsum_in_parts(equation: str, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """high(a) high(b) + high(a) low(b) + low(a) high(b), and the same for both gradients.

    TensorFloat-32 holds all parts but the last bits of the low ones, and sums in float32. The three terms are one
    product along an axis that is three times as long, which needs one kernel. Three products in TensorFloat-32 take
    less time than one in float32 on the GPUs that have it.
    """
    factors, result = equation.split("->")
    left, right = factors.split(",")
    summed = next(index for index in left if index in right and index not in result)

    @tf.custom_gradient
    def multiply(a: tf.Tensor, b: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return (
                _einsum_in_parts(f"{result},{right}->{left}", upstream, b),
                _einsum_in_parts(f"{result},{left}->{right}", upstream, a),
            )

        (high_a, low_a), (high_b, low_b) = _parts(a), _parts(b)
        long_a = tf.concat([high_a, high_a, low_a], left.index(summed))
        long_b = tf.concat([high_b, low_b, high_b], right.index(summed))
        return tf.einsum(equation, long_a, long_b), gradient

    return multiply(a, b)


def _parts(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """A number rounded to TensorFloat-32, and the rest."""
    # On the bits, because a compiler may drop a cast to a narrower dtype and back.
    bits = tf.bitcast(x, tf.int32)
    high = tf.bitcast(tf.bitwise.bitwise_and(bits + _HALF, ~_DROPPED), tf.float32)
    return high, x - high
