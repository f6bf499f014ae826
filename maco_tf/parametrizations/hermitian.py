"""The phase of a real image: antisymmetric where a column of `rfft2` holds both k and -k."""

import tensorflow as tf

from maco_tf.spectrum.resize import self_conjugate_columns


def hermitian_phase(phase, width):
    """Make every bin's phase one that a real image can have.

    `irfft2` ignores the antisymmetric part of the columns kx = 0 and kx = Nyquist, so a free phase there would
    let the image's magnitude differ from the one asked for. Here phi(-ky) = -phi(ky) holds in these
    columns, and bins that are their own conjugates are real: the sign of cos(phi), without gradient.

    Args:
        phase: tensor (..., height, width // 2 + 1), float32, radians.
        width: image width, pixels.

    Returns:
        Tensor of the same shape.
    """
    lasts = len(self_conjugate_columns(width)) - 1
    # Split, not sliced: the gradient of a slice is as large as the whole, and there would be three to add.
    first, free, *last = tf.split(phase, [1, phase.shape[-1] - 1 - lasts, *[1] * lasts], axis=-1)
    return tf.concat([_antisymmetric(first), free, *map(_antisymmetric, last)], axis=-1)


def _antisymmetric(column):
    """A column (..., height, 1): bins 1 .. (height - 1) // 2 are free, their mirror images follow."""
    height = column.shape[-2]
    half = (height - 1) // 2
    free = column[..., 1 : half + 1, :]
    parts = [_real(column[..., :1, :]), free]
    if height % 2 == 0:
        parts.append(_real(column[..., half + 1 : half + 2, :]))
    parts.append(-tf.reverse(free, axis=[-2]))
    return tf.concat(parts, axis=-2)


def _real(phase):
    """0 or pi, whichever is nearer."""
    return tf.where(tf.cos(phase) >= 0, 0.0, 3.14159265358979)
