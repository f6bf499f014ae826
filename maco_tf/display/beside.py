"""A figure of visualisations above mosaics of the natural images that belong to them."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from maco_tf.checks import check_integer, unit_range
from maco_tf.display.grid import count_lines, wrapped
from maco_tf.display.rgba import Background, as_colours, to_rgba

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Width of a column, inches, the empty space between two, and the size of type of its title, points.
_WIDTH, _SPACE, _POINTS = 3.2, 0.2, 11


def mosaic(images: np.ndarray, *, columns: int | None = None, gap: int = 4) -> np.ndarray:
    """Tile images on white.

    Args:
        images: array (count, height, width, channels), integers in [0, 255] or floating-point values in [0, 1].
        columns: number of images in a row; `None` takes the square root of the count, rounded up.
        gap: number of white pixels between two images.

    Returns:
        Array (rows * (height + gap) - gap, columns * (width + gap) - gap, channels), float32 in [0, 1]. Places without
        an image are white.

    Raises:
        ValueError: there is no image, or an argument has the wrong shape or range.
    """
    images = unit_range("images", images)
    if images.ndim != 4 or not len(images):
        raise ValueError(
            '"images" must have the shape (count, height, width, channels), with at least one image. Received: shape '
            f"{images.shape}."
        )
    count, height, width, channels = images.shape
    columns = math.ceil(math.sqrt(count)) if columns is None else check_integer("columns", columns, 1)
    gap = check_integer("gap", gap, 0)
    rows = math.ceil(count / columns)
    canvas = np.ones((rows * (height + gap), columns * (width + gap), channels), "float32")
    for index, image in enumerate(images):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        canvas[top : top + height, left : left + width] = image
    return canvas[: canvas.shape[0] - gap, : canvas.shape[1] - gap]


def beside(
    images: np.ndarray,
    examples: np.ndarray,
    *,
    transparency: np.ndarray | None = None,
    names: Sequence[str] | None = None,
    percentile: float | None = 80,
    background: Background = "auto",
    bands: Sequence[int] | None = None,
    figure: "Figure | None" = None,
) -> "Figure":
    """Draw images side by side, each below its title and above a mosaic of its examples.

    Args:
        images: array (batch, height, width, channels), integers in [0, 255] or floating-point values in [0, 1].
        examples: array (batch, count, height, width, channels), in the same range. Their colours are not stretched.
        transparency: array (batch, height, width), not negative; `None` draws opaque images.
        names: titles; `None` leaves them out.
        percentile: percentile at which the transparency is clipped; `None` draws opaque images. See `to_rgba`.
        background: see `contact_sheet`.
        bands: see `contact_sheet`.
        figure: an empty figure to draw into; `None` makes one that is not registered with pyplot.

    Returns:
        The figure.

    Raises:
        ValueError: an array has the wrong shape or range, or the numbers of images, examples and names differ.
    """
    from matplotlib.figure import Figure

    pictures = to_rgba(images, transparency, percentile, background=background, bands=bands)
    count = len(pictures)
    if not count or len(examples) != count:
        raise ValueError(f'"examples" must have one set for each of {count} image(s). Received: {len(examples)}.')
    if names and len(names) != count:
        raise ValueError(f'"names" must have one title for each of {count} image(s). Received: {len(names)}.')
    titles = [wrapped(name, _WIDTH, _POINTS) for name in names or []]
    mosaics = [mosaic(natural) for natural in examples]
    # Both rows have the proportions of what they show, so that no gap opens between them.
    heights = [pictures.shape[1] / pictures.shape[2], mosaics[0].shape[0] / mosaics[0].shape[1]]
    figure = figure or Figure()
    figure.set_size_inches((_WIDTH + _SPACE) * count, _WIDTH * sum(heights) + 0.2 * count_lines(titles))
    figure.set_layout_engine("constrained", w_pad=_SPACE / 2)
    axes = figure.subplots(2, count, squeeze=False, height_ratios=heights)
    for column, (picture, tiles) in enumerate(zip(pictures, mosaics)):
        top, bottom = axes[:, column]
        top.imshow(picture)
        bottom.imshow(as_colours(tiles, bands))
        for axis in (top, bottom):
            axis.set_axis_off()
        if titles:
            # A title may hold a dollar sign, which matplotlib would read as a formula.
            top.set_title(titles[column], fontsize=_POINTS, parse_math=False)
    return figure
