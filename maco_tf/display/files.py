"""Pictures to files."""

import io
import re
from pathlib import Path

import cv2
import numpy as np


def write_png(path, image):
    """Write an image.

    Args:
        path: file name; folders are made.
        image: array (height, width, 3 or 4), RGB or RGBA in [0, 1].

    Returns:
        The `pathlib.Path` written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.round(np.clip(image, 0, 1) * 255).astype("uint8")
    order = cv2.COLOR_RGBA2BGRA if pixels.shape[-1] == 4 else cv2.COLOR_RGB2BGR
    encoded = cv2.imencode(".png", cv2.cvtColor(pixels, order))[1]
    path.write_bytes(encoded.tobytes())  # Unlike cv2.imwrite, this fails where the path does.
    return path


def read_png(path):
    """Read an image that `write_png` wrote.

    Args:
        path: file name.

    Returns:
        Array (height, width, 3), float32, RGB in [0, 1].
    """
    pixels = cv2.imdecode(np.frombuffer(Path(path).read_bytes(), "uint8"), cv2.IMREAD_COLOR)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype("float32") / 255


def figure_png(figure, dpi=100):
    """A matplotlib figure as the bytes of a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def file_name(text):
    """A name for people as a name for files: letters, digits, dots and hyphens, joined by underscores."""
    return re.sub(r"[^\w.-]+", "_", text).strip("_.")[:80] or "image"
