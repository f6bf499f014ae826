"""Images as WebP files: opaque, with their transparency, and as thumbnails."""

import io
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np

# Measured on a photograph of 512 x 512 pixels: at quality 90, pixels differ by 1.6 of 255 on average, and the file has
# a fifth of the size of a lossless one.
_QUALITY = 90
#: Enough for small photographs, which were compressed before: 73% of the size.
PHOTOGRAPH = 80
# Effort from 0 to 6: 4, the default, takes twice as long as 2 for a file that is 1% to 5% smaller.
_METHOD = 2
# 56 levels of alpha: on a visualisation, they differ from all 256 by 0.003 of 1 on average, and save 13% of the file.
# Quality 70 keeps 16 levels, whose steps show on white, and saves 37%.
_ALPHA_QUALITY = 75


def webp(pixels: np.ndarray, quality: int = _QUALITY) -> bytes:
    """Encode an image.

    Args:
        pixels: array (height, width, 1, 3 or 4): grey, RGB or RGBA; floating-point values in [0, 1] are clipped, and
            integers of 8 bits count from 0 to 255.
        quality: from 0 to 100.

    Returns:
        The content of a WebP file; equal images give equal bytes.
    """
    from PIL import Image

    if pixels.dtype != np.uint8:
        pixels = np.round(np.clip(pixels, 0, 1) * 255).astype("uint8")
    if pixels.shape[-1] == 1:
        pixels = np.repeat(pixels, 3, axis=-1)
    buffer = io.BytesIO()
    settings: dict[str, Any] = {"quality": quality, "method": _METHOD, "alpha_quality": _ALPHA_QUALITY}
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "WEBP", **settings)
    return buffer.getvalue()


def shrunk(pixels: np.ndarray, side: int) -> np.ndarray:
    """An image whose longer side has at most so many pixels; smaller images are returned unchanged.

    Args:
        pixels: array (height, width, channels).
        side: the length in pixels.

    Returns:
        Array of the same dtype and number of channels, each pixel the mean of those that it covers.
    """
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)


def picture_files(picture: np.ndarray, sides: Iterable[int] = (128, 256)) -> dict[str, bytes]:
    """The files of an item.

    Args:
        picture: array (height, width, 4), RGBA in [0, 1], as `Explanation.rgba` returns it.
        sides: the longer sides of the thumbnails, pixels.

    Returns:
        Dictionary, name -> content: "image.webp" is opaque, "alpha.webp" has the transparency, and "thumb-128.webp" and
        so on are opaque.
    """
    opaque = picture[..., :3]
    thumbnails = {f"thumb-{side}.webp": webp(shrunk(opaque, side)) for side in sides}
    return {"image.webp": webp(opaque), "alpha.webp": webp(picture), **thumbnails}
