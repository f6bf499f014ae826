"""A figure of many images."""

import math

import numpy as np

from maco_tf.display.rgba import to_rgba


def contact_sheet(images, transparency=None, names=None, *, columns=None, percentile=80, smoothing=0.0, figure=None):
    """Draw images side by side, each under its name.

    Args:
        images: array (batch, height, width, channels) in [0, 1].
        transparency: array (batch, height, width), or None for opaque images.
        names: list of titles, or None.
        columns: images a row; `None` takes up to four.
        percentile: where transparency is clipped; see `to_rgba`.
        smoothing: of the transparency; see `to_rgba`.
        figure: an empty `matplotlib.figure.Figure` to draw into; `None` makes one that pyplot does not keep.

    Returns:
        The figure.
    """
    from matplotlib.figure import Figure

    columns = columns or min(len(images), 4)
    rows = math.ceil(len(images) / columns)
    figure = figure or Figure()
    figure.set_size_inches(3.2 * columns, 3.5 * rows)
    figure.set_layout_engine("constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, image, name in zip(
        axes, to_rgba(images, transparency, percentile, smoothing=smoothing), names or [None] * len(images)
    ):
        axis.imshow(image)
        if name:
            # A dollar sign in a name is no formula.
            axis.set_title(name, fontsize=11, parse_math=False)
    return figure
