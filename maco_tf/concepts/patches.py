"""Pieces of images, as concepts are found in them."""

import tensorflow as tf

from maco_tf.transforms.sizes import check_integer

# Neighbours overlap by a fifth, as in xplique's CRAFT.
_STRIDE = 0.8


def extract_patches(images, size):
    """Cut square patches out of images, row by row.

    Args:
        images: array (batch, height, width, channels), float32.
        size: side of a patch, pixels.

    Returns:
        Array (batch * patches, size, size, channels), float32, the patches of one image side by side.

    Raises:
        ValueError: the size is not an integer of at least 1, or the images are smaller than a patch.
    """
    check_integer("patch_size", size, 1)
    if min(images.shape[1:3]) < size:
        raise ValueError(f'"patch_size" must not exceed the images\' size, {images.shape[1:3]}. Received: {size}.')
    stride = _stride(size)
    cut = tf.image.extract_patches(images, (1, size, size, 1), (1, stride, stride, 1), (1, 1, 1, 1), "VALID")
    return tf.reshape(cut, (-1, size, size, images.shape[-1])).numpy()


def count_patches(images, size):
    """How many patches `extract_patches` cuts."""
    along = [(side - size) // _stride(size) + 1 for side in images.shape[1:3]]
    return len(images) * along[0] * along[1]


def _stride(size):
    return max(1, int(_STRIDE * size))
