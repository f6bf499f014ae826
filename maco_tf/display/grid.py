"""Rows and columns of pictures, the layout of the figures."""

import textwrap
from pathlib import Path

import numpy as np

from maco_tf.display.files import figure_png

# That fit beside a row and above a column, two inches each, in their sizes of type.
_ROW_CHARACTERS, _COLUMN_CHARACTERS = 22, 24


def draw_grid(rows, *, row_names=None, column_names=None, captions=None, path=None):
    """Draw pictures in rows and columns.

    Args:
        rows: list of rows, each a list of as many pictures, arrays (height, width, 3 or 4) in [0, 1].
        row_names: list of texts, to the left of each row, or `None`.
        column_names: list of texts, above each column, or `None`.
        captions: list of rows of texts, one below each picture, `None` for none there; or `None`.
        path: see `write_figure`.

    Returns:
        The `matplotlib.figure.Figure`, which pyplot does not keep.
    """
    from matplotlib.figure import Figure

    height = 2.0 + (0.2 if captions else 0.0)
    figure = Figure(figsize=(2.0 * len(rows[0]) + 0.35, height * len(rows) + (0.3 if column_names else 0.05)))
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    axes = figure.subplots(len(rows), len(rows[0]), squeeze=False)
    for index, (line, pictures) in enumerate(zip(axes, rows)):
        for column, (axis, picture) in enumerate(zip(line, pictures)):
            axis.imshow(picture, interpolation="antialiased")
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            # Names are no formulas, whatever dollar signs they hold.
            if captions and captions[index][column]:
                axis.set_xlabel(captions[index][column], fontsize=9, labelpad=2, parse_math=False)
        if row_names:
            line[0].set_ylabel(wrapped(row_names[index], _ROW_CHARACTERS), fontsize=12, parse_math=False)
    for axis, name in zip(axes[0], column_names or []):
        axis.set_title(wrapped(name, _COLUMN_CHARACTERS), fontsize=11, parse_math=False)
    return write_figure(figure, path)


def as_pictures(name, images, key=None):
    """What a figure draws: an explanation with its transparency, or an array as it is.

    Args:
        name: the argument's name, for errors.
        images: an `Explanation` or whatever has `.rgba()`, or an array (count, height, width, 1, 3 or 4) in [0, 1].
        key: which of the argument's, for errors; or `None`.

    Returns:
        Array (count, height, width, 3 or 4), float32 in [0, 1].

    Raises:
        ValueError: another shape, or values outside the range.
    """
    if hasattr(images, "rgba"):
        return images.rgba()
    whose = "" if key is None else f" for {key!r}"
    try:
        images = np.asarray(images, "float32")
    except (TypeError, ValueError) as error:
        raise ValueError(f'"{name}" must hold images. Received: {type(images).__name__}{whose}: {error}.') from error
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f'"{name}" must hold explanations or arrays (count, height, width, 1, 3 or 4). Received: shape '
            f"{images.shape}{whose}."
        )
    if not (images.min(initial=0) >= -1e-3 and images.max(initial=0) <= 1 + 1e-3):
        raise ValueError(f'"{name}" must hold images in [0, 1]. Received: values outside it{whose}.')
    return np.clip(np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images, 0, 1)


def write_figure(figure, path):
    """Write a figure where a path is given.

    Args:
        figure: a `matplotlib.figure.Figure`.
        path: file name; its ending tells the format; or `None`.

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


_LINES = 3


def wrapped(name, characters):
    """A name in lines, cut after the third.

    Args:
        name: text.
        characters: how many fit into a line.

    Returns:
        Text.
    """
    return "\n".join(textwrap.wrap(name, characters, max_lines=_LINES, placeholder=" ...", break_on_hyphens=False))


def compare(rows, *, names=None, path=None):
    """Draw the images of several methods side by side: a row a method, a column an objective.

    Args:
        rows: dictionary, method -> its images in the objectives' order: an `Explanation` or whatever has `.images` and
            `.rgba()`, or an array (count, height, width, 1, 3 or 4) in [0, 1], drawn as it is. Sizes may differ.
        names: list of the columns' titles; `None` takes those of the first row that has `.names`, or none.
        path: where to write the figure, `.png`, `.pdf` or `.svg`; `None` writes nothing. Folders are made.

    Returns:
        The `matplotlib.figure.Figure`, which pyplot does not keep.

    Raises:
        ValueError: no row, rows of different lengths, or images of another shape.
    """
    if not rows:
        raise ValueError('"rows" must hold at least one method. Received: none.')
    pictures = {method: as_pictures("rows", images, method) for method, images in rows.items()}
    lengths = {method: len(images) for method, images in pictures.items()}
    columns = next(iter(lengths.values()))
    if not columns or set(lengths.values()) != {columns}:
        raise ValueError(f'"rows" must have one image for each objective, all the same number. Received: {lengths}.')
    if names is None:
        names = next((images.names for images in rows.values() if hasattr(images, "names")), None)
    if names is not None and len(names) != columns:
        raise ValueError(f'"names" must name the {columns} columns. Received: {len(names)} names.')
    return draw_grid(list(pictures.values()), row_names=list(pictures), column_names=names, path=path)
