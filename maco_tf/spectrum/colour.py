"""The map between images in [0, 1] and the space of magnitude and phase.

An image with three channels is `sigmoid(x @ COLOUR_CORRELATION)`, where the axes of x are decorrelated over natural
images (Olah et al., 2017). For other numbers of channels no correlation is known, and the image is `sigmoid(x)`.
"""

import numpy as np
import tensorflow as tf

from maco_tf.products import may_round

# Lucid's square root of the colour covariance of ImageNet, divided by its largest row norm. The rows are the
# decorrelated axes: lightness, red against blue, green against magenta.
COLOUR_CORRELATION = np.array(
    [
        [0.56282854, 0.58447580, 0.58447580],
        [0.19482528, 0.00000000, -0.19482528],
        [0.04329450, -0.10823626, 0.06494176],
    ],
    dtype="float32",
)

# Pixels of exactly 0 or 1 have no finite logit; they are moved by half a grey level.
_MARGIN = 0.5 / 255


def to_image(x: tf.Tensor, *, decorrelate: bool = True) -> tf.Tensor:
    """Map the unbounded, decorrelated space to images.

    Args:
        x: tensor (..., channels), float32, of any range.
        decorrelate: whether the axes of x are decorrelated colours; otherwise they are red, green and blue.

    Returns:
        Tensor of the same shape, in (0, 1).
    """
    if decorrelate and x.shape[-1] == 3:
        x = _multiply(x, COLOUR_CORRELATION)
    return tf.sigmoid(x)


def stretched(images: tf.Tensor) -> tf.Tensor:
    """Scale each image so that its smallest value is 0 and its largest is 1, as xplique does for its baselines.

    Args:
        images: tensor (batch, height, width, channels).

    Returns:
        Tensor of the same shape, in [0, 1].
    """
    low = tf.reduce_min(images, axis=(1, 2, 3), keepdims=True)
    high = tf.reduce_max(images, axis=(1, 2, 3), keepdims=True)
    return (images - low) / tf.maximum(high - low, 1e-6)


def from_image(images: tf.Tensor, *, decorrelate: bool = True) -> tf.Tensor:
    """Map images to the unbounded, decorrelated space; the inverse of `to_image`.

    Args:
        images: tensor (..., channels), float32 in [0, 1]. Values closer to 0 or 1 than half a grey level are clipped.
        decorrelate: see `to_image`.

    Returns:
        Tensor of the same shape.
    """
    images = tf.clip_by_value(images, _MARGIN, 1 - _MARGIN)
    x = tf.math.log(images) - tf.math.log1p(-images)
    if decorrelate and x.shape[-1] == 3:
        x = _multiply(x, np.linalg.inv(COLOUR_CORRELATION))
    return x


def _multiply(x: tf.Tensor, matrix: np.ndarray) -> tf.Tensor:
    """`x @ matrix` for a small matrix."""
    if may_round():
        # Without a matrix product, so that TensorFloat-32 cannot round the colours; a compiler fuses the sum.
        return tf.add_n([x[..., row : row + 1] * values for row, values in enumerate(matrix)])
    return tf.tensordot(x, tf.constant(matrix), axes=1)
