"""A magnitude estimated from the user's own images."""

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import unit_range
from maco_tf.spectrum.colour import from_image
from maco_tf.spectrum.image_batches import image_batches
from maco_tf.spectrum.magnitude import Magnitude


def estimate_magnitude(images, *, size=None, batch_size=32, verbose="auto"):
    """Average |rfft2| over images, in the space in which MACO uses it (`from_image`).

    Images are read once and never held together, so the memory needed does not grow with their number.

    Args:
        images: array (count, height, width, channels), or a `tf.data.Dataset` of images or of batches of
            images, alone or first in a tuple as in `(images, labels)`. Integers count from 0 to 255,
            floating-point values lie in [0, 1]. Any number of channels.
        size: `(height, width)` to which every image is resized; needed where sizes differ. `None` keeps them.
        batch_size: images at a time where `images` is an array.
        verbose: 0 is silent; 1 or "auto" shows progress.

    Returns:
        A `Magnitude`.

    Raises:
        ValueError: no image, images of different sizes without `size`, or values outside the range.
    """
    total, count, image_shape = 0.0, 0, None
    progress = keras.utils.Progbar(None, unit_name="batch", verbose=1 if verbose == "auto" else verbose)
    for done, batch in enumerate(image_batches(images, batch_size), start=1):
        batch = unit_range("images", batch)
        if size is not None:
            batch = tf.image.resize(batch, size, antialias=True)
        if image_shape not in (None, batch.shape[1:]):
            raise ValueError(
                f'"images" must have one size, or "size" be given. Received: {batch.shape[1:]} after {image_shape}.'
            )
        image_shape = batch.shape[1:]
        magnitude = np.abs(np.fft.rfft2(from_image(tf.constant(batch)).numpy(), axes=(1, 2)))
        total, count = total + magnitude.sum(axis=0, dtype="float64"), count + len(magnitude)
        progress.update(done)
    if not count:
        raise ValueError('"images" must hold at least one image. Received: none.')
    progress.update(done, finalize=True)  # Ends the line.
    return Magnitude(np.moveaxis(total / count, -1, 0), image_shape[1])
