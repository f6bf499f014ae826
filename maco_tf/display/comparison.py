"""A figure of methods against objectives, as the paper's figure 1."""

from maco_tf.display.grid import as_pictures, draw_grid


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
