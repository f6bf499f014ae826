"""Smaller copies of an image, from which crops are sampled that have more pixels than the output.

Level 0 is the image. Each pixel of level l + 1 is the mean of two by two pixels of level l; an odd side is first
extended by its edge. A crop is sampled from the finest level in which it has at most 1.15 times as many pixels along a
side as the output, bilinearly, once per pixel (Williams, 1983, "Pyramidal parametrics", without his interpolation
between two levels, which costs twice as much).

This has limits. Patterns that are too fine for the output are weakened, not removed: in level 1, a wave of 0.25 cycles
per pixel of the image keeps half its amplitude, a wave of 0.4 keeps a quarter, and a wave of 0.49 almost nothing. Crops
of up to 1.15 times the pixels of the output are not averaged at all. Crops that are just larger have 0.58 pixels of
their level per pixel of the output, and are as blurred as an image enlarged 1.7 times.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

# Pixels per output pixel, along a side, up to which a level is sampled. At this ratio, the highest eighth of the
# frequencies aliases; the next level would lose their upper half.
_TOLERANCE = 1.15


def count_levels(ratio: float) -> int:
    """The number of levels that the largest crop needs.

    Args:
        ratio: pixels of the image per pixel of the output, along a side, in the largest crop.

    Returns:
        An integer of at least 1.
    """
    levels = 1
    while ratio > _TOLERANCE * 2 ** (levels - 1):
        levels += 1
    return levels


def choose_levels(sides: tf.Tensor, image_size: Sequence[int], size: Sequence[int], levels: int) -> tf.Tensor:
    """The level from which each crop is sampled. The axis with more pixels per output pixel decides.

    Args:
        sides: tensor (crops, 2), fractions of the image's height and width.
        image_size: `(height, width)` of the image, pixels.
        size: `(height, width)` of the output, pixels.
        levels: number of levels.

    Returns:
        Tensor (crops,), int32, from 0 to `levels - 1`.
    """
    ratios = sides * tf.constant([pixels / wanted for pixels, wanted in zip(image_size, size)], tf.float32)
    finest = tf.constant([_TOLERANCE * 2**level for level in range(levels - 1)], tf.float32)
    return tf.reduce_sum(tf.cast(tf.reduce_max(ratios, axis=1, keepdims=True) > finest, tf.int32), axis=1)


def halve(images: tf.Tensor) -> tf.Tensor:
    """The next level of the pyramid.

    Args:
        images: tensor (batch, height, width, channels), float32.

    Returns:
        Tensor (batch, height / 2, width / 2, channels), with both sides rounded up.
    """
    height, width = images.shape[1:3]
    if height % 2 or width % 2:
        images = tf.pad(images, [[0, 0], [0, height % 2], [0, width % 2], [0, 0]], mode="SYMMETRIC")
    # At half the size, a bilinear sample lies between four pixels and is their mean. Average pooling takes four times
    # as long on a CPU, because its kernel is slow with three channels.
    return tf.image.resize(images, [(height + 1) // 2, (width + 1) // 2])


def level_extents(extent: int, levels: int) -> list[int]:
    """The number of pixels of each level along an axis.

    Args:
        extent: pixels of the image along the axis.
        levels: number of levels.

    Returns:
        List of `levels` integers.
    """
    return [-(-extent // 2**level) for level in range(levels)]


def pixel_shares(extent: int, levels: int) -> np.ndarray:
    """The weight of each pixel of the image in the pixel of a level that it belongs to, along an axis.

    Args:
        extent: pixels of the image along the axis.
        levels: number of levels.

    Returns:
        Array (levels, extent), float32; pixel i belongs to pixel i // 2**level.
    """
    shares, pixels = np.ones((levels, extent), "float32"), np.arange(extent)
    for level, finer in enumerate(level_extents(extent, levels)[:-1], start=1):
        # The last pixel of an odd side counts twice.
        twice = (finer % 2 == 1) & (pixels // 2 ** (level - 1) == finer - 1)
        shares[level] = shares[level - 1] * np.where(twice, 1.0, 0.5)
    return shares
