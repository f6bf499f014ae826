"""Images with their transparency as an alpha channel."""

import cv2
import numpy as np

from maco_tf.checks import check_number, unit_range


def to_rgba(
    images: np.ndarray, transparency: np.ndarray | None, percentile: float | None = 80, *, smoothing: float = 0.0
) -> np.ndarray:
    """Turn transparency into an alpha channel, as in the MACO paper's figures.

    The colours of each image are stretched between its 1st and 99th percentile. Its transparency is clipped at a
    percentile and divided by its maximum. Alpha is straight: the colours are not multiplied by it.

    Args:
        images: array (batch, height, width, channels), floating-point values in [0, 1] or integers in [0, 255]. One
            channel is drawn as grey; of more than three, the first three are drawn.
        transparency: array (batch, height, width), not negative; `None` makes the images opaque.
        percentile: percentile at which the transparency is clipped, in (0, 100]; `None` makes the images opaque.
        smoothing: standard deviation, in pixels, of the Gaussian that smooths the transparency; 0 does not smooth.

    Returns:
        Array (batch, height, width, 4), float32 in [0, 1].

    Raises:
        ValueError: an array has the wrong shape, or a value lies outside its range.
    """
    images = unit_range("images", images)
    if images.ndim != 4:
        raise ValueError(
            f'"images" must have the shape (batch, height, width, channels). Received: shape {images.shape}.'
        )
    if percentile is not None:
        percentile = check_number("percentile", percentile, above=0, most=100)
    smoothing = check_number("smoothing", smoothing, least=0)
    low, high = np.percentile(images, (1, 99), axis=(1, 2, 3), keepdims=True)
    colours = np.clip((images - low) / np.maximum(high - low, 1e-6), 0, 1)
    colours = np.repeat(colours[..., :1], 3, axis=-1) if colours.shape[-1] < 3 else colours[..., :3]
    if transparency is None or percentile is None:
        alpha = np.ones(images.shape[:3], "float32")
    else:
        transparency = np.asarray(transparency, "float32")
        if transparency.shape != images.shape[:3]:
            raise ValueError(
                f'"transparency" must have one value for each pixel, the shape {images.shape[:3]}. Received: shape '
                f"{transparency.shape}."
            )
        alpha = _alpha(transparency, percentile, smoothing)
    return np.concatenate([colours, alpha[..., None]], axis=-1).astype("float32")


def _alpha(transparency: np.ndarray, percentile: float, smoothing: float) -> np.ndarray:
    if smoothing:
        transparency = np.stack([cv2.GaussianBlur(values, (0, 0), smoothing) for values in transparency])
    limit = np.percentile(transparency, percentile, axis=(1, 2), keepdims=True)
    # If most values are zero, so is the percentile, and the maximum takes its place. If all are zero, nothing is known
    # about the pixels and the image stays opaque.
    limit = np.where(limit > 0, limit, np.max(transparency, axis=(1, 2), keepdims=True))
    return np.where(limit > 0, np.minimum(transparency, limit) / np.where(limit > 0, limit, 1.0), 1.0)
