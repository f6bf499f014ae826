"""Linear maps that act on the height and the width apart, as matrix products.

Matrix products compile under XLA, and their gradient is a matrix product again: exact, and the same bits each time.
"""

import tensorflow as tf

# What lies beyond an image. Mid-grey: black or white would be an edge that the model sees.
OUTSIDE = 0.5


def apply_matrices(images, rows, columns):
    """Map the height by one matrix and the width by another.

    Args:
        images: tensor (batch, height, width, channels), float32.
        rows: tensor (batch, views, new_height, height). Where a row sums to less than one, `OUTSIDE` has the rest.
        columns: tensor (batch, views, new_width, width), likewise.

    Returns:
        Tensor (batch, views, new_height, new_width, channels).
    """
    # Taking OUTSIDE off and adding it back gives it to all that no row or column reaches.
    mapped = tf.einsum("bvih,bhwc->bviwc", rows, images - OUTSIDE)
    return tf.einsum("bvjw,bviwc->bvijc", columns, mapped) + OUTSIDE
