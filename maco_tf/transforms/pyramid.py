"""An image at its size, at half of it, at a quarter: what crops that have more pixels than the output are taken from.

Level 0 is the image; level l + 1 is the mean of two by two pixels of level l, of which an odd side is first continued
by its edge. A crop is sampled from the finest level at which it has at most 1.15 times as many pixels a side as the
output, bilinearly, once a pixel (Williams, 1983, "Pyramidal parametrics", without his mean of two levels, which costs
twice as much).

What this does not do. Too fine a pattern is weakened, not removed: seen from level 1, a wave of .25 cycles a pixel of
the image keeps half its amplitude, of .4 a quarter, of .49 next to nothing. Up to a factor of 1.15 nothing is averaged.
And a crop just beyond, of .58 pixels of its level to one of the output, is blurred as what is enlarged 1.7 times is.
"""

import numpy as np
import tensorflow as tf

# Pixels to one of the output, a side, that are sampled as they are: the uppermost eighth of the frequencies aliases at
# most, where the next level would be without their upper half.
_TOLERANCE = 1.15


def count_levels(ratio):
    """How many levels there must be.

    Args:
        ratio: pixels of the image to one of the output, along a side, in the largest crop.

    Returns:
        An integer from 1.
    """
    levels = 1
    while ratio > _TOLERANCE * 2 ** (levels - 1):
        levels += 1
    return levels


def choose_levels(sides, image_size, size, levels):
    """The level that each crop is sampled from, by that of its axes which has more pixels.

    Args:
        sides: tensor (crops, 2), fractions of the image's height and width.
        image_size: `(height, width)` of the image, pixels.
        size: `(height, width)` of the crops, pixels.
        levels: how many there are.

    Returns:
        Tensor (crops,), int32, in 0..levels - 1.
    """
    ratios = sides * tf.constant([pixels / wanted for pixels, wanted in zip(image_size, size)], tf.float32)
    finest = tf.constant([_TOLERANCE * 2**level for level in range(levels - 1)], tf.float32)
    return tf.reduce_sum(tf.cast(tf.reduce_max(ratios, axis=1, keepdims=True) > finest, tf.int32), axis=1)


def halve(images):
    """The next level of the pyramid.

    Args:
        images: tensor (batch, height, width, channels), float32.

    Returns:
        Tensor (batch, height / 2, width / 2, channels), rounded up.
    """
    height, width = images.shape[1:3]
    if height % 2 or width % 2:
        images = tf.pad(images, [[0, 0], [0, height % 2], [0, width % 2], [0, 0]], mode="SYMMETRIC")
    # Bilinearly, a pixel of half the size lies amid four, and is their mean; average pooling takes four times as long
    # on a CPU, where it does little for three channels.
    return tf.image.resize(images, [(height + 1) // 2, (width + 1) // 2])


def level_extents(extent, levels):
    """Pixels of each level along an axis of `extent` pixels: a list."""
    return [-(-extent // 2**level) for level in range(levels)]


def pixel_shares(extent, levels):
    """What part of the level's pixel that it falls into each pixel of an axis makes up.

    Args:
        extent: pixels of the image along the axis.
        levels: how many there are.

    Returns:
        Array (levels, extent), float32; pixel i falls into pixel i // 2**level.
    """
    shares, pixels = np.ones((levels, extent), "float32"), np.arange(extent)
    for level, finer in enumerate(level_extents(extent, levels)[:-1], start=1):
        # The last pixel of an odd side counts twice.
        twice = (finer % 2 == 1) & (pixels // 2 ** (level - 1) == finer - 1)
        shares[level] = shares[level - 1] * np.where(twice, 1.0, 0.5)
    return shares
