"""A figure of many images, with a title above each."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from maco_tf.checks import check_integer
from maco_tf.display.grid import count_lines, wrapped
from maco_tf.display.rgba import Background, drawn_channels, to_rgba

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Width of an image, inches, and the size of type of its title, points.
_WIDTH, _POINTS = 3.2, 11


def contact_sheet(
    images: np.ndarray,
    transparency: np.ndarray | None = None,
    names: Sequence[str] | None = None,
    *,
    columns: int | None = None,
    percentile: float | None = 80,
    smoothing: float = 0.0,
    background: Background = "auto",
    bands: Sequence[int] | None = None,
    figure: "Figure | None" = None,
) -> "Figure":
    """Draw images side by side, each below its title.

    Args:
        images: array (batch, height, width, channels), floating-point values in [0, 1] or integers in [0, 255].
        transparency: array (batch, height, width), not negative; `None` draws opaque images.
        names: titles. "(no gradient)" is added to the title of an image whose transparency is zero everywhere, as no
            gradient ever reached that image. `None` leaves the titles out.
        columns: number of images in a row; `None` takes up to four.
        percentile: percentile at which the transparency is clipped; `None` draws opaque images. See `to_rgba`.
        smoothing: standard deviation, in pixels, of the Gaussian that smooths the transparency. See `to_rgba`.
        background: colour behind transparent parts. "auto" is the white page, except behind grey and dark images, where
            it is their own mean. See `on_background`.
        bands: the three channels that are drawn as red, green and blue; `None` takes the first three. If images have
            other channels, a line above the sheet says which are drawn.
        figure: an empty figure to draw into; `None` makes one that is not registered with pyplot.

    Returns:
        The figure.

    Raises:
        ValueError: there is no image, an array has the wrong shape, or an argument lies outside its range.
    """
    from matplotlib.figure import Figure

    if not len(images):
        raise ValueError('"images" must hold at least one image. Received: none.')
    pictures = to_rgba(images, transparency, percentile, smoothing=smoothing, background=background, bands=bands)
    channels = np.shape(images)[-1]
    drawn = drawn_channels(channels, bands)
    count = len(pictures)
    if names and len(names) != count:
        raise ValueError(f'"names" must have one title for each of {count} image(s). Received: {len(names)}.')
    # At most four in a row, in rows of nearly equal length: five images are three and two, not four and one.
    columns = math.ceil(count / math.ceil(count / 4)) if columns is None else check_integer("columns", columns, 1)
    rows = math.ceil(count / columns)
    titles = _titles(names or [""] * count, transparency)
    further = count_lines(titles) - 1
    figure = figure or Figure()
    hidden = channels > len(drawn)
    figure.set_size_inches(_WIDTH * columns, (3.5 + 0.3 * further) * rows + 0.3 * hidden)
    if hidden:
        noun = "channels" if len(drawn) > 1 else "channel"
        figure.suptitle(f"{noun} {', '.join(map(str, drawn))} of {channels}", fontsize=_POINTS - 1)
    figure.set_layout_engine("constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, picture, title in zip(axes, pictures, titles):
        axis.imshow(picture)
        # A title may hold a dollar sign, which matplotlib would read as a formula.
        axis.set_title(title, fontsize=_POINTS - 1 if further else _POINTS, parse_math=False)
    return figure


def _titles(names: Sequence[str], transparency: np.ndarray | None) -> list[str]:
    reached = [True] * len(names) if transparency is None else [np.any(values) for values in transparency]
    titles = [name if seen else f"{name} (no gradient)" for name, seen in zip(names, reached)]
    return [wrapped(title, _WIDTH, _POINTS) for title in titles]
