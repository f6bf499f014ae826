"""Between images in [0, 1] and the space in which magnitude and phase live.

An image of three channels is `sigmoid(x @ COLOUR_CORRELATION)`, where the axes of x are decorrelated over
natural images (Olah et al., 2017). Images with any other number of channels have no known correlation and are
`sigmoid(x)`.
"""

import numpy as np
import tensorflow as tf

# Lucid's square root of ImageNet's colour covariance, divided by its largest row norm; rows are the
# decorrelated axes: lightness, red against blue, green against magenta.
COLOUR_CORRELATION = np.array(
    [
        [0.56282854, 0.58447580, 0.58447580],
        [0.19482528, 0.00000000, -0.19482528],
        [0.04329450, -0.10823626, 0.06494176],
    ],
    dtype="float32",
)

# A pixel of exactly 0 or 1 has no finite logit: keep half a grey level's distance.
_MARGIN = 0.5 / 255


def to_image(x):
    """Map the unbounded, decorrelated space to images.

    Args:
        x: tensor (..., channels), float32.

    Returns:
        Tensor of the same shape, in (0, 1).
    """
    if x.shape[-1] == 3:
        x = tf.tensordot(x, tf.constant(COLOUR_CORRELATION), axes=1)
    return tf.sigmoid(x)


def stretched(images):
    """Bring each image's smallest value to 0 and its largest to 1, as xplique does for its baselines.

    Args:
        images: tensor (batch, height, width, channels).

    Returns:
        Tensor of the same shape, in [0, 1].
    """
    low, high = (reduce(images, axis=(1, 2, 3), keepdims=True) for reduce in (tf.reduce_min, tf.reduce_max))
    return (images - low) / tf.maximum(high - low, 1e-6)


def from_image(images):
    """The inverse of `to_image`.

    Args:
        images: tensor (..., channels), float32 in [0, 1]; values are kept half a grey level from 0 and 1.

    Returns:
        Tensor of the same shape, unbounded, decorrelated.
    """
    images = tf.clip_by_value(images, _MARGIN, 1 - _MARGIN)
    x = tf.math.log(images) - tf.math.log1p(-images)
    if x.shape[-1] == 3:
        x = tf.tensordot(x, tf.constant(np.linalg.inv(COLOUR_CORRELATION)), axes=1)
    return x
