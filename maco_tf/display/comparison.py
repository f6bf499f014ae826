"""A figure of methods against objectives, as the paper's figure 1."""

from pathlib import Path

import numpy as np

from maco_tf.display.files import figure_png


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
    from matplotlib.figure import Figure

    if not rows:
        raise ValueError('"rows" must hold at least one method. Received: none.')
    pictures = {method: _pictures(method, images) for method, images in rows.items()}
    lengths = {method: len(images) for method, images in pictures.items()}
    columns = next(iter(lengths.values()))
    if not columns or set(lengths.values()) != {columns}:
        raise ValueError(f'"rows" must have one image for each objective, all the same number. Received: {lengths}.')
    if names is None:
        names = next((images.names for images in rows.values() if hasattr(images, "names")), None)
    if names is not None and len(names) != columns:
        raise ValueError(f'"names" must name the {columns} columns. Received: {len(names)} names.')
    figure = Figure(figsize=(2.0 * columns + 0.35, 2.0 * len(rows) + (0.3 if names else 0.05)))
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, (method, images) in zip(axes, pictures.items()):
        for axis, image in zip(line, images):
            axis.imshow(image, interpolation="antialiased")
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        # Names are no formulas, whatever dollar signs they hold.
        line[0].set_ylabel(method, fontsize=12, parse_math=False)
    for axis, name in zip(axes[0], names or []):
        axis.set_title(name, fontsize=11, parse_math=False)
    return write_figure(figure, path)


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


def _pictures(method, images):
    if hasattr(images, "rgba"):
        return images.rgba()
    images = np.asarray(images, "float32")
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4):
        raise ValueError(
            '"rows" must hold explanations or arrays (count, height, width, 1, 3 or 4). Received: shape '
            f"{images.shape} for {method!r}."
        )
    if not (images.min(initial=0) >= -1e-3 and images.max(initial=0) <= 1 + 1e-3):
        raise ValueError(f'"rows" must hold images in [0, 1]. Received: values outside it for {method!r}.')
    return np.clip(np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images, 0, 1)
