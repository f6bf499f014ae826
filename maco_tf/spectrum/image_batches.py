"""Images as arrays or datasets, in batches."""

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
