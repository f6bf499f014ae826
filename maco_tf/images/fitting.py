"""The user's images, brought to the range and size of a model's input."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from maco_tf.checks import unit_range
from maco_tf.images.image_set import ImageSet, is_array

# The longest side of images that are read without a size, pixels: no visualisation shows more of them.
_LONGEST_SIDE = 1024


def as_images(name: str, images: Any, channels: int = 3, *, size: Sequence[int] | None = None) -> np.ndarray:
    """A batch of images in [0, 1], from any form that `ImageSet` reads.

    Args:
        name: the argument's name, for the error.
        images: array (batch, height, width, channels) or one image (height, width, channels); integers count from 0 to
            255, and floating-point values lie in [0, 1]. Or another form; see `ImageSet`.
        channels: see `ImageSet`.
        size: `(height, width)` of images that differ in size: they are fitted to it as they are read; see
            `fit_images`. `None` makes squares of them, whose side is the longest of their shorter sides, up to 1024
            pixels. Images of one size keep it.

    Returns:
        Array (batch, height, width, channels), float32 in [0, 1].

    Raises:
        ValueError: the array has another rank, contains no image, or has values outside the range; or see `ImageSet`.
    """
    if is_array(images):
        return _as_batch(name, images)
    found: list[np.ndarray] = []
    fitted = False
    for image in ImageSet(images, channels, name=name):
        if size is not None and not fitted and found and image.shape[:2] != found[0].shape[:2]:
            found, fitted = [_fit_image(earlier, size) for earlier in found], True
        found.append(_fit_image(image, size) if size is not None and fitted else image)
    if not found:
        raise ValueError(f'"{name}" must hold at least one image. Received: none.')
    numbers = sorted({image.shape[-1] for image in found})
    if len(numbers) > 1:
        raise ValueError(f'"{name}" must have one number of channels. Received: images of {numbers}.')
    if len({image.shape for image in found}) > 1:
        side = min(max(min(image.shape[:2]) for image in found), _LONGEST_SIDE)
        found = [_fit_image(image, (side, side)) for image in found]
    return np.stack(found)


def check_channels(name: str, images: np.ndarray, channels: int) -> None:
    """Check that images have as many channels as a model's input.

    Args:
        name: the argument's name, for the error.
        images: array (batch, height, width, channels).
        channels: number of channels of the model's input.

    Raises:
        ValueError: the images have another number of channels.
    """
    if images.shape[-1] != channels:
        hint = " Drop the alpha channel: images[..., :3]." if images.shape[-1] == 4 and channels == 3 else ""
        hint = " Repeat the grey channel: np.repeat(images, 3, axis=-1)." if images.shape[-1] == 1 else hint
        raise ValueError(
            f'"{name}" must have as many channels as the model\'s input, {channels}. Received: '
            f"{images.shape[-1]}.{hint}"
        )


def fit_images(images: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Crop images to the proportions of a size, around the centre, and resize them to it.

    Args:
        images: array (batch, height, width, channels), float32 in [0, 1].
        size: `(height, width)`, pixels.

    Returns:
        Array (batch, *size, channels), float32 in [0, 1]; images that already have this size are returned unchanged.
    """
    if images.shape[1:3] == tuple(size):
        return images
    return np.clip(tf.image.resize(centre_crop(images, size), tuple(size), antialias=True).numpy(), 0.0, 1.0)


def centre_crop(images: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """The largest part around the centre of images that has the proportions of a size.

    Args:
        images: array (batch, height, width, channels).
        size: `(height, width)`.

    Returns:
        Array (batch, height, width, channels), a view of the images.
    """
    sides = images.shape[1:3]
    scale = min(side / wanted for side, wanted in zip(sides, size))
    # Rounding must not make the crop empty or larger than the image.
    kept = [min(side, max(1, round(scale * wanted))) for side, wanted in zip(sides, size)]
    top, left = ((side - part) // 2 for side, part in zip(sides, kept))
    return images[:, top : top + kept[0], left : left + kept[1]]


def _as_batch(name: str, images: Any) -> np.ndarray:
    images = unit_range(name, images)
    images = images[None] if images.ndim == 3 else images
    if images.ndim != 4 or not images.size:
        hint = " Give grey images an axis of one channel: images[..., None]." if images.ndim == 2 else ""
        raise ValueError(
            f'"{name}" must have the shape (batch, height, width, channels), with at least one image. Received: '
            f"{images.shape}.{hint}"
        )
    return images


def _fit_image(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    return fit_images(image[None], size)[0]
