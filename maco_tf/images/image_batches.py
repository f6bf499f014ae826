"""Arrays and datasets of images, as batches."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf


def image_batches(images: np.ndarray | tf.data.Dataset, batch_size: int) -> Iterator[np.ndarray | tf.Tensor]:
    """Iterate over images in batches.

    Args:
        images: array (count, height, width, channels); or a `tf.data.Dataset` whose elements are images or batches of
            images, or tuples that start with one, such as `(images, labels)`.
        batch_size: number of images per batch of an array; a dataset keeps its batches.

    Yields:
        Arrays or tensors (batch, height, width, channels), with unchanged values.

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
                '"images" must be a dataset of images (height, width, channels) or of batches of images. Received: '
                f"elements of type {type(batch).__name__}, shape {getattr(batch, 'shape', None)}. Map the dataset to "
                "its images first, as in dataset.map(lambda element: element['image'])."
            )
        yield batch[None] if len(batch.shape) == 3 else batch
