"""Images and transparency as four channels."""

import numbers

import cv2
import numpy as np


def to_rgba(images, transparency, percentile=80, *, smoothing=0.0):
    """Give images an alpha channel from their transparency, as the paper shows them.

    Each image is stretched between its 1st and 99th percentile; its transparency is clipped at a
    percentile and divided by the maximum.

    Args:
        images: array (batch, height, width, channels), in [0, 1], of 1 or 3 channels (of more, the first three).
        transparency: array (batch, height, width), not negative; or None for opaque images.
        percentile: where transparency is clipped, above 0, to 100; or `None` for opaque images.
        smoothing: standard deviation of a Gaussian over the transparency, pixels; 0 leaves it as it is.

    Returns:
        Array (batch, height, width, 4), float32 in [0, 1].
    """
    images = np.asarray(images, "float32")
    low, high = np.percentile(images, (1, 99), axis=(1, 2, 3), keepdims=True)
    colours = np.clip((images - low) / np.maximum(high - low, 1e-6), 0, 1)
    colours = np.repeat(colours[..., :1], 3, axis=-1) if colours.shape[-1] < 3 else colours[..., :3]
    if transparency is None or percentile is None:
        alpha = np.ones(images.shape[:3], "float32")
    else:
        if not 0 < percentile <= 100:
            raise ValueError(f'"percentile" must lie in (0, 100]. Received: {percentile!r}.')
        if isinstance(smoothing, bool) or not isinstance(smoothing, numbers.Real) or not 0 <= smoothing < np.inf:
            raise ValueError(f'"smoothing" must be a finite number of pixels, 0 or more. Received: {smoothing!r}.')
        if smoothing:
            transparency = np.stack([cv2.GaussianBlur(values, (0, 0), smoothing) for values in transparency])
        limit = np.percentile(transparency, percentile, axis=(1, 2), keepdims=True)
        # A map that is mostly zero has no percentile to divide by; one that is all zero says nothing.
        limit = np.where(limit > 0, limit, np.max(transparency, axis=(1, 2), keepdims=True))
        alpha = np.where(limit > 0, np.minimum(transparency, limit) / np.where(limit > 0, limit, 1.0), 1.0)
    return np.concatenate([colours, alpha[..., None]], axis=-1).astype("float32")
