"""Near duplicates, found by a perceptual hash of 64 bits."""

import numpy as np
import tensorflow as tf

from maco_tf.products import einsum

# Side of the grey picture whose frequencies are compared, and the number of frequencies of each axis (pHash).
_SIDE, _FREQUENCIES = 32, 8


def perceptual_hash(images: tf.Tensor) -> tf.Tensor:
    """The signs of the lowest frequencies of an image.

    Another size, compression or brightness changes few bits; a reflection or rotation changes about half of them.

    Args:
        images: tensor (batch, height, width, channels), in [0, 1].

    Returns:
        Int64 tensor (batch,), whose 64 bits are the hash.

    Source: pHash (Zauner 2010): the discrete cosine transform of the image at 32 x 32 pixels, its 8 x 8 lowest
        frequencies without the mean, and their comparison with their median.
    """
    grey = tf.reduce_mean(images, axis=-1, keepdims=True)
    small = tf.image.resize(grey, (_SIDE, _SIDE), method="area")[..., 0]
    position = (np.arange(_SIDE) + 0.5) * np.pi / _SIDE
    cosines = tf.constant(np.cos(np.arange(1, _FREQUENCIES + 1)[:, None] * position), tf.float32)
    along_y = einsum("uy,byx->bux", cosines, small)
    spectrum = tf.reshape(einsum("bux,vx->buv", along_y, cosines), (-1, _FREQUENCIES**2))
    median = tf.sort(spectrum, axis=1)[:, _FREQUENCIES**2 // 2, None]
    bits = tf.cast(spectrum >= median, tf.int64)
    return tf.reduce_sum(tf.bitwise.left_shift(bits, tf.range(_FREQUENCIES**2, dtype=tf.int64)), axis=1)


def distances(hashes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The number of bits in which hashes differ.

    Args:
        hashes: array of int64.
        others: array that broadcasts with it.

    Returns:
        Array of integers from 0 to 64.
    """
    different = np.bitwise_xor(hashes, others).astype("uint64")
    return np.unpackbits(different[..., None].view("uint8"), axis=-1).sum(-1)


def distinct_columns(indices: np.ndarray, hashes: np.ndarray, count: int, most: int) -> np.ndarray:
    """Choose for each unit its best images, without those that nearly repeat a better one.

    Args:
        indices: array (units, candidates), the best first; -1 where there is no image.
        hashes: array (units, candidates), see `perceptual_hash`.
        count: number of images to choose.
        most: largest distance of near duplicates, bits; -1 takes all images.

    Returns:
        Array (units, count), the columns of the chosen images in ascending order; -1 where the candidates run out.
    """
    units, candidates = indices.shape
    if most < 0:
        return np.where(indices >= 0, np.arange(candidates), -1)[:, :count]
    chosen = np.full((units, count), -1)
    found = np.zeros(units, int)
    kept = np.zeros((units, candidates), bool)
    for column in range(candidates):
        near = distances(hashes[:, column, None], hashes) <= most
        fresh = (indices[:, column] >= 0) & ~(near & kept).any(1) & (found < count)
        kept[fresh, column] = True
        chosen[fresh, found[fresh]] = column
        found += fresh
    return chosen
