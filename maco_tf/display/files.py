"""Images and figures as files."""

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_png(path: str | Path, image: np.ndarray) -> Path:
    """Write an image as a PNG file.

    Args:
        path: name of the file. Missing folders are created.
        image: array (height, width, 3 or 4), RGB or RGBA, in [0, 1]; other values are clipped.

    Returns:
        The path of the file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.round(np.clip(image, 0, 1) * 255).astype("uint8")
    order = cv2.COLOR_RGBA2BGRA if pixels.shape[-1] == 4 else cv2.COLOR_RGB2BGR
    encoded = cv2.imencode(".png", cv2.cvtColor(pixels, order))[1]
    # cv2.imwrite would only return False if the file cannot be written; this raises an OSError.
    path.write_bytes(encoded.tobytes())
    return path


def read_png(path: str | Path) -> np.ndarray:
    """Read an image that `write_png` wrote.

    Args:
        path: name of the file.

    Returns:
        Array (height, width, 3), float32, RGB in [0, 1]. An alpha channel is dropped.
    """
    pixels = cv2.imdecode(np.frombuffer(Path(path).read_bytes(), "uint8"), cv2.IMREAD_COLOR)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype("float32") / 255


def figure_png(figure: "Figure", dpi: float = 100) -> bytes:
    """Render a matplotlib figure.

    Args:
        figure: the figure.
        dpi: resolution, pixels per inch.

    Returns:
        The content of a PNG file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def write_figure(figure: "Figure", path: str | Path | None) -> "Figure":
    """Write a figure, if there is a path.

    Args:
        figure: the figure.
        path: name of the file, whose ending sets the format: `.png`, `.pdf` or `.svg`. Missing folders are created.
            `None` writes nothing.

    Returns:
        The figure.
    """
    if path is not None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() == ".png":
            path.write_bytes(figure_png(figure, dpi=200))
        else:
            figure.savefig(path)
    return figure


def file_name(text: str) -> str:
    """Turn a title into a file name of at most 80 letters, digits, dots and hyphens, joined by underscores.

    In UTF-8, it has at most 200 bytes: file systems allow 255, and a number and an ending may join it.
    """
    name = re.sub(r"[^\w.-]+", "_", text).strip("_.")[:80]
    return name.encode()[:200].decode(errors="ignore") or "image"
