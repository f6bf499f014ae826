"""Image files and Pillow images as arrays, on white where they are transparent."""

import importlib
import importlib.util
import io
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np

# The rotations and reflections in which a picture may be stored, in the order of the Exif tag "orientation".
_ORIENTATIONS = (
    lambda pixels: pixels,
    lambda pixels: pixels[:, ::-1],
    lambda pixels: pixels[::-1, ::-1],
    lambda pixels: pixels[::-1],
    lambda pixels: np.swapaxes(pixels, 0, 1),
    lambda pixels: np.rot90(pixels, -1),
    lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    lambda pixels: np.rot90(pixels),
)


def read_image_file(path: str | Path, channels: int = 3) -> np.ndarray | None:
    """Read an image file of any format that OpenCV decodes or, if it is installed, Pillow.

    The picture is turned upright by its Exif orientation. Transparent parts are white. Of an animation, the first
    picture is read. 16-bit integers are divided by 65535.

    Args:
        path: name of the file.
        channels: 1 reads grey, 3 reads red, green and blue.

    Returns:
        Array (height, width, channels), float32 in [0, 1]; `None` if the file cannot be decoded.

    Raises:
        OSError: the file does not exist or cannot be opened.
    """
    # cv2.imread would refuse names beyond ASCII on Windows, and return None for a missing file.
    content = Path(path).read_bytes()
    pixels = _decoded_by_opencv(content, channels) if content else None
    if pixels is None and content and importlib.util.find_spec("PIL"):
        pixels = _decoded_by_pillow(content, channels)
    return pixels


def is_pillow_image(image: Any) -> bool:
    """Whether an object is a `PIL.Image.Image`. Pillow need not be installed."""
    return hasattr(image, "getbands") and hasattr(image, "convert")


def from_pillow(image: Any, channels: int = 3) -> np.ndarray:
    """An image of Pillow as an array.

    Args:
        image: a `PIL.Image.Image` of any mode. Transparent parts become white. 16-bit integers are divided by 65535.
        channels: 1 gives grey, 3 gives red, green and blue.

    Returns:
        Array (height, width, channels), float32 in [0, 1].

    Raises:
        ValueError: the image has floating-point values outside [0, 1].
    """
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image)
        return _with_channels(_unit_values(values.astype("uint16") if values.dtype.kind == "i" else values), channels)
    mode = "L" if channels == 1 else "RGB"
    if "A" not in image.getbands() and "a" not in image.getbands() and "transparency" not in image.info:
        return _with_channels(np.asarray(image.convert(mode)).astype("float32") / 255, channels)
    transparent = image.convert("RGBA")
    colours = _with_channels(np.asarray(transparent.convert("RGB").convert(mode)).astype("float32") / 255, channels)
    return _on_white(colours, np.asarray(transparent)[..., 3].astype("float32") / 255)


def _decoded_by_opencv(content: bytes, channels: int) -> np.ndarray | None:
    encoded = np.frombuffer(content, "uint8")
    mode = (cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR) | cv2.IMREAD_ANYDEPTH
    pixels = _imdecode(encoded, mode)
    if pixels is None:  # OpenCV reads TIFF files of floating-point values only unchanged.
        pixels = _imdecode(encoded, cv2.IMREAD_UNCHANGED)
        return None if pixels is None or pixels.ndim != 2 else _with_channels(_unit_values(pixels), channels)
    image = _with_channels(_unit_values(pixels if channels == 1 else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)), channels)
    if content.startswith(b"\xff\xd8"):  # A JPEG file has no transparency and need not be decoded twice.
        return image
    unchanged = _imdecode(encoded, cv2.IMREAD_UNCHANGED)
    if unchanged is None or unchanged.ndim != 3 or unchanged.shape[-1] != 4:
        return image
    return _on_white(image, _unit_values(_upright(unchanged, encoded)[..., 3]))


def _imdecode(encoded: np.ndarray, mode: int) -> np.ndarray | None:
    try:
        return cv2.imdecode(encoded, mode)
    except cv2.error:
        return None


def _upright(unchanged: np.ndarray, encoded: np.ndarray) -> np.ndarray:
    """Turn a picture that OpenCV read unchanged as it turns one that it reads in colour."""
    colours = _imdecode(encoded, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    if colours is None:
        return unchanged
    for turn in _ORIENTATIONS:
        turned = turn(unchanged)
        if np.array_equal(turned[..., :3], colours):
            return turned
    # Some decoders round colours under transparency; the size then tells whether the picture lies on its side.
    return unchanged if unchanged.shape[:2] == colours.shape[:2] else np.rot90(unchanged, -1)


def _decoded_by_pillow(content: bytes, channels: int) -> np.ndarray | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # A damaged file is reported once, by its reader.
            picture = importlib.import_module("PIL.Image").open(io.BytesIO(content))
            return from_pillow(importlib.import_module("PIL.ImageOps").exif_transpose(picture), channels)
    except Exception:  # Pillow raises nearly anything for a damaged file.
        return None


def _unit_values(pixels: np.ndarray) -> np.ndarray:
    largest = {"uint8": 255, "uint16": 65535}.get(pixels.dtype.name, 1)
    values = pixels.astype("float32") / largest
    if not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            '"images" must be files of 8-bit or 16-bit integers, or of floating-point values in [0, 1]. Received: '
            f"{pixels.dtype} from {pixels.min():g} to {pixels.max():g}."
        )
    return values


def _with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    return np.repeat(pixels[..., None], channels, axis=-1) if pixels.ndim == 2 else pixels


def _on_white(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return colours * alpha[..., None] + (1 - alpha[..., None])
