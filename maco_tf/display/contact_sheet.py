"""A figure of many images."""

import math
import numbers

import numpy as np

from maco_tf.display.grid import wrapped
from maco_tf.display.rgba import to_rgba

# That fit above an image.
_CHARACTERS = 34


def contact_sheet(images, transparency=None, names=None, *, columns=None, percentile=80, smoothing=0.0, figure=None):
    """Draw images side by side, each under its name.

    Args:
        images: array (batch, height, width, channels) in [0, 1].
        transparency: array (batch, height, width), or None for opaque images.
        names: list of titles, or None. An image whose transparency is zero everywhere is marked there: no gradient
            ever reached it.
        columns: images a row; `None` takes up to four.
        percentile: where transparency is clipped, or `None` for opaque images; see `to_rgba`.
        smoothing: of the transparency; see `to_rgba`.
        figure: an empty `matplotlib.figure.Figure` to draw into; `None` makes one that pyplot does not keep.

    Returns:
        The figure.

    Raises:
        ValueError: no number of columns; see also `to_rgba`.
    """
    from matplotlib.figure import Figure

    if columns is not None and (not isinstance(columns, numbers.Integral) or columns < 1):
        raise ValueError(f'"columns" must be an integer of at least 1. Received: {columns!r}.')
    columns = columns or min(len(images), 4)
    rows = math.ceil(len(images) / columns)
    titles = _titles(names or [""] * len(images), transparency)
    lines = max(title.count("\n") for title in titles)
    figure = figure or Figure()
    figure.set_size_inches(3.2 * columns, (3.5 + 0.3 * lines) * rows)
    figure.set_layout_engine("constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, image, title in zip(axes, to_rgba(images, transparency, percentile, smoothing=smoothing), titles):
        axis.imshow(image)
        # A dollar sign in a name is no formula.
        axis.set_title(title, fontsize=10 if lines else 11, parse_math=False)
    return figure


def _titles(names, transparency):
    reached = [True] * len(names) if transparency is None else [values.any() for values in transparency]
    return [wrapped(name if seen else f"{name} (no gradient)", _CHARACTERS) for name, seen in zip(names, reached)]
