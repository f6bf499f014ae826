"""Visualisations above the natural images that go with them."""

import math

import numpy as np

from maco_tf.display.rgba import to_rgba


def mosaic(images, *, columns=None, gap=4):
    """Tile images.

    Args:
        images: array (count, height, width, channels), in [0, 1].
        columns: images a row; `None` makes the mosaic about square.
        gap: white pixels between images.

    Returns:
        Array (rows * (height + gap) - gap, columns * (width + gap) - gap, channels), float32; white where there are
        fewer images than places.
    """
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    canvas = np.ones((rows * (height + gap), columns * (width + gap), channels), "float32")
    for index, image in enumerate(images):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        canvas[top : top + height, left : left + width] = image
    return canvas[: canvas.shape[0] - gap, : canvas.shape[1] - gap]


def beside(images, examples, *, transparency=None, names=None, percentile=80, figure=None):
    """Draw images side by side, each under its name and above a mosaic of its examples.

    Args:
        images: array (batch, height, width, channels) in [0, 1].
        examples: array (batch, count, height, width, channels) in [0, 1].
        transparency: array (batch, height, width), or None for opaque images.
        names: list of titles, or None.
        percentile: where transparency is clipped; see `to_rgba`.
        figure: an empty `matplotlib.figure.Figure` to draw into; `None` makes one that pyplot does not keep.

    Returns:
        The figure.
    """
    from matplotlib.figure import Figure

    figure = figure or Figure()
    figure.set_size_inches(3.2 * len(images), 6.6)
    figure.set_layout_engine("constrained")
    axes = figure.subplots(2, len(images), squeeze=False)
    pictures = to_rgba(images, transparency, percentile)
    for column, (picture, natural) in enumerate(zip(pictures, examples)):
        top, bottom = axes[:, column]
        top.imshow(picture)
        # Natural images are shown as they are, unstretched.
        tiles = mosaic(np.asarray(natural))
        bottom.imshow(np.repeat(tiles, 3, axis=-1) if tiles.shape[-1] == 1 else tiles[..., :3])
        for axis in (top, bottom):
            axis.set_axis_off()
        if names and names[column]:
            top.set_title(names[column], fontsize=11, parse_math=False)
    return figure
