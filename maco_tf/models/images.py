"""A user's images, brought to one range and one size."""

import numpy as np
import tensorflow as tf

from maco_tf.checks import unit_range


def as_images(name, images):
    """A batch of images in [0, 1].

    Args:
        name: the argument's name, for errors.
        images: array (batch, height, width, channels) or one image (height, width, channels); integers count from 0
            to 255, floating-point values lie in [0, 1].

    Returns:
        Array (batch, height, width, channels), float32.

    Raises:
        ValueError: another rank, no image, or values outside the range.
    """
    images = unit_range(name, images)
    images = images[None] if images.ndim == 3 else images
    if images.ndim != 4 or not images.size:
        hint = " Grey images need an axis of one channel: images[..., None]." if images.ndim == 2 else ""
        raise ValueError(
            f'"{name}" must have the shape (batch, height, width, channels), of at least one image. Received: '
            f"{images.shape}.{hint}"
        )
    return images


def check_channels(name, images, channels):
    """Refuse images that a model cannot take.

    Args:
        name: the argument's name, for the error.
        images: array (batch, height, width, channels).
        channels: of the model's input.

    Raises:
        ValueError: they have another number of channels.
    """
    if images.shape[-1] != channels:
        hint = " Leave the alpha channel out: images[..., :3]." if images.shape[-1] == 4 and channels == 3 else ""
        hint = " Repeat the grey one: np.repeat(images, 3, axis=-1)." if images.shape[-1] == 1 else hint
        raise ValueError(
            f'"{name}" must have the {channels} channel(s) of the model\'s input. Received: {images.shape[-1]}.{hint}'
        )


def fit_images(images, size):
    """The centre of images, of another size's proportions, resized to it.

    Args:
        images: array (batch, height, width, channels), float32 in [0, 1].
        size: `(height, width)`, pixels.

    Returns:
        Array (batch, *size, channels), float32 in [0, 1]; the images as they are where their size is that already.
    """
    old, new = images.shape[1:3], tuple(size)
    if old == new:
        return images
    scale = min(side / wanted for side, wanted in zip(old, new))
    # Rounding must not take what is not there.
    kept = [min(side, max(1, round(scale * wanted))) for side, wanted in zip(old, new)]
    top, left = ((side - part) // 2 for side, part in zip(old, kept))
    centre = images[:, top : top + kept[0], left : left + kept[1]]
    return np.clip(tf.image.resize(centre, new, antialias=True).numpy(), 0.0, 1.0)
