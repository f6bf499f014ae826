"""Images as arrays or datasets, in batches and in [0, 1]."""

import numpy as np
import tensorflow as tf


def image_batches(images, batch_size):
    """Cut images into batches.

    Args:
        images: array (count, height, width, channels), or a `tf.data.Dataset` of images or of batches of
            images, alone or first in a tuple as in `(images, labels)`.
        batch_size: images at a time where `images` is an array; a dataset keeps its own batches.

    Yields:
        Arrays or tensors (batch, height, width, channels), values as they came.

    Raises:
        ValueError: `images` is something else.
    """
    if not isinstance(images, tf.data.Dataset):
        images = np.asarray(images)
        if images.ndim != 4:
            raise ValueError(
                '"images" must be a tf.data.Dataset or an array (count, height, width, channels). Received: '
                f"shape {images.shape}. Grey images need an axis of one channel: images[..., None]."
            )
        yield from (images[start : start + batch_size] for start in range(0, len(images), batch_size))
        return
    for element in images:
        batch = element[0] if isinstance(element, tuple | list) else element
        if not hasattr(batch, "shape") or len(batch.shape) not in (3, 4):
            raise ValueError(
                '"images" must be a dataset of images (height, width, channels) or of batches of them. Received: '
                f"elements of type {type(batch).__name__}, shape {getattr(batch, 'shape', None)}. Map it to the image "
                "first, as in dataset.map(lambda element: element['image'])."
            )
        yield batch[None] if len(batch.shape) == 3 else batch


def unit_range(batch):
    """Bring images to [0, 1], by their dtype.

    Args:
        batch: array or tensor; integers count from 0 to 255, floating-point values lie in [0, 1].

    Returns:
        Tensor of the same shape, float32 in [0, 1].

    Raises:
        ValueError: values outside the range.
    """
    batch = tf.convert_to_tensor(batch)
    largest = 255.0 if batch.dtype.is_integer else 1.0
    batch = tf.cast(batch, tf.float32) / largest
    low, high = float(tf.reduce_min(batch)), float(tf.reduce_max(batch))
    if not (low >= -1e-3 and high <= 1 + 1e-3):
        raise ValueError(
            f'"images" must lie in [0, {largest:g}]: integers in [0, 255], floating-point values in [0, 1]. Received: '
            f"values from {low * largest:g} to {high * largest:g}. Divide by their largest possible value."
        )
    return batch
