"""Images with their transparency as an alpha channel, or on a background."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np

from maco_tf.checks import check_integer, check_number, is_number, unit_range

# A colour behind transparent parts; see `on_background`.
Background: TypeAlias = str | Sequence[float] | None

_COLOURS = {"white": (1.0, 1.0, 1.0), "black": (0.0, 0.0, 0.0), "grey": (0.5, 0.5, 0.5), "gray": (0.5, 0.5, 0.5)}

# ImageNet's photographs have a mean of 0.45 on average, and MNIST's digits, white on black, 0.13.
_DARK = 0.25


def to_rgba(
    images: np.ndarray,
    transparency: np.ndarray | None,
    percentile: float | None = 80,
    *,
    smoothing: float = 0.0,
    background: Background = None,
    bands: Sequence[int] | None = None,
) -> np.ndarray:
    """Turn transparency into an alpha channel, as in the MACO paper's figures.

    The colours of each image are stretched between its 1st and 99th percentile. Its transparency is clipped at a
    percentile and divided by its maximum. Alpha is straight: the colours are not multiplied by it.

    Args:
        images: array (batch, height, width, channels), floating-point values in [0, 1] or integers in [0, 255]. One
            channel is drawn as grey, and so is the first of two; `bands` chooses from more than three.
        transparency: array (batch, height, width), not negative; `None` makes the images opaque.
        percentile: percentile at which the transparency is clipped, in (0, 100]; `None` makes the images opaque.
        smoothing: standard deviation, in pixels, of the Gaussian that smooths the transparency; 0 does not smooth.
        background: colour behind transparent parts, which makes the result opaque; see `on_background`. `None` keeps
            the alpha channel.
        bands: the three channels that are drawn as red, green and blue, counted from 0; `None` takes the first three.

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
    drawn = images[..., list(drawn_channels(images.shape[-1], bands))]
    low, high = np.percentile(drawn, (1, 99), axis=(1, 2, 3), keepdims=True)
    colours = np.clip((drawn - low) / np.maximum(high - low, 1e-6), 0, 1)
    colours = np.repeat(colours, 3, axis=-1) if colours.shape[-1] == 1 else colours
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
    pictures = np.concatenate([colours, alpha[..., None]], axis=-1).astype("float32")
    return on_background(pictures, background, images)


def on_background(pictures: np.ndarray, background: Background, images: np.ndarray) -> np.ndarray:
    """Put a colour behind the transparent parts of pictures.

    Args:
        pictures: array (batch, height, width, 4), float32 in [0, 1], with straight alpha.
        background: "white", "black", "grey", or (red, green, blue) in [0, 1]; "mean", the mean colour of each picture,
            on which neither dark nor bright parts are lost; `None` keeps the alpha channel. "auto" is "mean" for images
            of one or two channels and for dark ones, with a mean below 0.25, and `None` for the others: the page is
            white, and white behind white-on-black data would invert them.
        images: array (batch, height, width, channels) in [0, 1], what the pictures show, before any stretching.

    Returns:
        Array (batch, height, width, 4), float32 in [0, 1]; with a background, alpha is 1.

    Raises:
        ValueError: `background` is something else.
    """
    colours = pictures[..., :3]
    means = colours.mean(axis=(1, 2), keepdims=True)
    chosen = np.ones(len(pictures), bool)
    if background is None:
        return pictures
    if isinstance(background, str) and background in ("auto", "mean"):
        behind = means
        if background == "auto" and images.shape[-1] > 2:
            chosen = np.mean(images, axis=(1, 2, 3)) < _DARK
    elif isinstance(background, str) and background in _COLOURS:
        behind = np.array(_COLOURS[background], "float32")
    elif not isinstance(background, str) and np.shape(background) == (3,) and all(map(_is_unit, background)):
        behind = np.array(background, "float32")
    else:
        raise ValueError(
            '"background" must be "auto", "mean", "white", "black", "grey", (red, green, blue) in [0, 1], or None. '
            f"Received: {background!r}."
        )
    alpha = pictures[..., 3:]
    solid = np.concatenate([colours * alpha + behind * (1 - alpha), np.ones_like(alpha)], axis=-1)
    return np.where(chosen[:, None, None, None], solid, pictures).astype("float32")


def drawn_channels(channels: int, bands: Sequence[int] | None = None) -> tuple[int, ...]:
    """The channels of an image that are drawn: three, or one as grey.

    Args:
        channels: number of channels of the image.
        bands: three channels, counted from 0; `None` takes the first three, or the first if there are fewer.

    Returns:
        Tuple of three integers or of one.

    Raises:
        ValueError: `bands` are not three channels of the image.
    """
    if bands is None:
        return (0, 1, 2) if channels > 2 else (0,)
    if np.shape(bands) != (3,):
        raise ValueError(f'"bands" must be three channels, such as (3, 2, 1). Received: {bands!r}.')
    return tuple(check_integer("bands", band, 0, channels - 1) for band in bands)


def as_colours(images: np.ndarray, bands: Sequence[int] | None = None) -> np.ndarray:
    """The drawn channels of images, as red, green and blue; one channel becomes grey.

    Args:
        images: array (..., channels).
        bands: see `drawn_channels`.

    Returns:
        Array (..., 3).
    """
    drawn = images[..., list(drawn_channels(images.shape[-1], bands))]
    return np.repeat(drawn, 3, axis=-1) if drawn.shape[-1] == 1 else drawn


def _is_unit(value: Any) -> bool:
    return is_number(value) and 0 <= value <= 1


def _alpha(transparency: np.ndarray, percentile: float, smoothing: float) -> np.ndarray:
    if smoothing:
        transparency = np.stack([cv2.GaussianBlur(values, (0, 0), smoothing) for values in transparency])
    limit = np.percentile(transparency, percentile, axis=(1, 2), keepdims=True)
    # If most values are zero, so is the percentile, and the maximum takes its place. If all are zero, nothing is known
    # about the pixels and the image stays opaque.
    limit = np.where(limit > 0, limit, np.max(transparency, axis=(1, 2), keepdims=True))
    return np.where(limit > 0, np.minimum(transparency, limit) / np.where(limit > 0, limit, 1.0), 1.0)
