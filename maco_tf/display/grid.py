"""Figures of pictures in rows and columns: methods compared, and photographs beside their inversions."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from maco_tf.display.files import write_figure
from maco_tf.display.rgba import Background, on_background, to_rgba
from maco_tf.images import Images, ImageSet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Longer side of a picture, inches.
_SIDE = 2.0
# Sizes of type for the names of rows, columns and pictures, points.
_ROW_POINTS, _COLUMN_POINTS, _CAPTION_POINTS = 12, 11, 9
# Mean width of a small letter of matplotlib's default font, DejaVu Sans, relative to its size.
_LETTER_WIDTH = 0.61
_LINES = 3


@runtime_checkable
class Visualization(Protocol):
    """Images with a transparency, such as an `Explanation`."""

    @property
    def images(self) -> np.ndarray:
        """Array (count, height, width, channels), in [0, 1]."""

    def rgba(self) -> np.ndarray:
        """Array (count, height, width, 4), in [0, 1]."""


def compare(
    rows: Mapping[str, Visualization | Images],
    *,
    names: Sequence[str] | None = None,
    background: Background = "auto",
    path: str | Path | None = None,
) -> "Figure":
    """Compare methods: one row for each method, one column for each objective, as in figure 1 of the MACO paper.

    Args:
        rows: dictionary from a method's name to its images, in the order of the objectives. Images are an
            `Explanation`, drawn with its transparency, or an array (count, height, width, 1, 3 or 4), integers in
            [0, 255] or floating-point values in [0, 1], or another form of images, see `ImageSet`; their colours are
            not stretched. Sizes may differ.
        names: titles of the columns. `None` takes those of the first row that has `names`; without any, the columns
            have no titles.
        background: colour behind transparent parts of an `Explanation`; see `contact_sheet`.
        path: name of a `.png`, `.pdf` or `.svg` file to write. Missing folders are created. `None` writes nothing.

    Returns:
        The figure. It is not registered with pyplot.

    Raises:
        ValueError: there is no row, the rows differ in length, or an array has the wrong shape or range.
    """
    if not rows:
        raise ValueError('"rows" must hold at least one method. Received: none.')
    pictures = {method: _as_pictures(f"rows[{method!r}]", images, background) for method, images in rows.items()}
    lengths = {method: len(images) for method, images in pictures.items()}
    columns = next(iter(lengths.values()))
    if not columns or set(lengths.values()) != {columns}:
        raise ValueError(
            f'"rows" must have one image for each objective, so the same number in all. Received: {lengths}.'
        )
    if names is None:
        names = next((images.names for images in rows.values() if hasattr(images, "names")), None)
    if names is not None and len(names) != columns:
        raise ValueError(f'"names" must have one title for each of the {columns} columns. Received: {len(names)}.')
    figure = _draw_grid(list(pictures.values()), row_names=list(pictures), column_names=names)
    return write_figure(figure, path)


def draw_inversions(
    photographs: Images,
    inversions: Visualization | Mapping[str, Visualization | Images],
    *,
    names: Sequence[str] | None = None,
    captions: Mapping[str, Sequence[str]] | None = None,
    background: Background = "auto",
    path: str | Path | None = None,
) -> "Figure":
    """Draw photographs beside their feature inversions, one row for each photograph, as in figure 5 of the MACO paper.

        inversion = visualizer.explain(FeatureInversion("block4c_add", photographs))
        draw_inversions(photographs, inversion)

    The inversions of a single layer fill the four columns of the paper: the photograph, the opaque inversion, its
    transparency (white is opaque), and the inversion with its transparency. Of several layers, each has one column.

    Args:
        photographs: the images that `FeatureInversion` got: array (count, height, width, 1, 3 or 4), integers in
            [0, 255] or floating-point values in [0, 1]; or another form of images, see `ImageSet`. Their colours are
            not stretched.
        inversions: an `Explanation` with one image for each photograph; or a dictionary from a layer's name to such an
            `Explanation` or images like `photographs`.
        names: names of the photographs, drawn to the left of the rows; `None` draws none.
        captions: dictionary from each layer's name to a list of texts, drawn below its inversions, one for each
            photograph. It needs a dictionary of `inversions`. `None` draws none.
        background: colour behind transparent parts of an `Explanation`; see `contact_sheet`.
        path: name of a `.png`, `.pdf` or `.svg` file to write. Missing folders are created. `None` writes nothing.

    Returns:
        The figure. It is not registered with pyplot.

    Raises:
        ValueError: the numbers of inversions, names or captions differ from the number of photographs, or an array has
            the wrong shape or range.
    """
    originals = _as_pictures("photographs", photographs)
    if isinstance(inversions, Mapping):
        columns = {
            layer: _as_pictures(f"inversions[{layer!r}]", pictures, background)
            for layer, pictures in inversions.items()
        }
    elif isinstance(inversions, Visualization):
        rgba = inversions.rgba()
        columns = {
            "inversion": list(to_rgba(inversions.images, None)),
            # The same alpha channel as in the last column.
            "attribution": list(rgba[..., 3:].repeat(3, axis=-1)),
            "both": list(on_background(rgba, background, inversions.images)),
        }
    else:
        raise ValueError(
            '"inversions" must be an Explanation, or a dictionary from layers to Explanations. Received: '
            f"{type(inversions).__name__}. MacoVisualizer(model).explain(FeatureInversion(layer, photographs)) makes "
            "one."
        )
    count = len(originals)
    lengths = {layer: len(pictures) for layer, pictures in columns.items()}
    if not count or not columns or set(lengths.values()) != {count}:
        raise ValueError(f'"inversions" must have one image for each of {count} photograph(s). Received: {lengths}.')
    if names is not None and len(names) != count:
        raise ValueError(f'"names" must have one name for each of {count} photograph(s). Received: {len(names)}.')
    texts: list[list[str]] | None = None
    if captions is not None:
        described = {layer: len(lines) for layer, lines in captions.items()}
        if not isinstance(inversions, Mapping) or described != lengths:
            raise ValueError(
                f'"captions" must have one text for each inversion in a dictionary of layers, {lengths}. Received: '
                f"{described}."
            )
        texts = [["", *(captions[layer][row] for layer in columns)] for row in range(count)]
    rows = [[originals[row], *(pictures[row] for pictures in columns.values())] for row in range(count)]
    figure = _draw_grid(rows, row_names=names, column_names=["photograph", *columns], captions=texts)
    return write_figure(figure, path)


def _as_pictures(name: str, images: Visualization | Images, background: Background = None) -> list[np.ndarray]:
    """Arrays (height, width, 3 or 4), float32 in [0, 1]; `name` stands for the images in an error."""
    if isinstance(images, Visualization):
        return list(on_background(images.rgba(), background, images.images))
    pictures = list(ImageSet(images, name=name))
    wrong = next((picture.shape for picture in pictures if picture.shape[-1] not in (1, 3, 4)), None)
    if wrong is not None:
        raise ValueError(
            f'"{name}" must be an Explanation, or images of 1, 3 or 4 channels. Received: an image of shape {wrong}.'
        )
    return [np.repeat(picture, 3, axis=-1) if picture.shape[-1] == 1 else picture for picture in pictures]


def _draw_grid(
    rows: Sequence[Sequence[np.ndarray] | np.ndarray],
    *,
    row_names: Sequence[str] | None,
    column_names: Sequence[str] | None,
    captions: Sequence[Sequence[str]] | None = None,
) -> "Figure":
    """Draw rows of pictures, arrays (height, width, 3 or 4) in [0, 1], with one caption for each picture."""
    from matplotlib.figure import Figure

    # Rows of wide pictures are lower, by half at most, as the rows' names need some height.
    tallest = max(picture.shape[0] / picture.shape[1] for pictures in rows for picture in pictures)
    height = _SIDE * min(max(tallest, 0.5), 1.0)
    labels = [wrapped(name, height, _ROW_POINTS) for name in row_names or []]
    titles = [wrapped(name, _SIDE, _COLUMN_POINTS) for name in column_names or []]
    left = 0.15 + 0.2 * count_lines(labels) if labels else 0.05
    top = 0.1 + 0.2 * count_lines(titles) if titles else 0.05
    below = 0.2 if captions else 0.0
    figure = Figure(figsize=(_SIDE * len(rows[0]) + left, (height + below) * len(rows) + top))
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    axes = figure.subplots(len(rows), len(rows[0]), squeeze=False)
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            axis = axes[row, column]
            axis.imshow(picture, interpolation="antialiased")
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            # Names and captions may hold dollar signs, which matplotlib would read as formulas.
            if captions:
                axis.set_xlabel(captions[row][column], fontsize=_CAPTION_POINTS, labelpad=2, parse_math=False)
        if labels:
            axes[row, 0].set_ylabel(labels[row], fontsize=_ROW_POINTS, parse_math=False)
    for axis, title in zip(axes[0], titles):
        axis.set_title(title, fontsize=_COLUMN_POINTS, parse_math=False)
    # Drawing lays the figure out once, from titles above axes that do not yet have the pictures' proportions. In a
    # figure of one row, the titles would be cut; starting from a first layout, they are not.
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.execute(figure)
    return figure


def wrapped(name: str, width: float, points: float) -> str:
    """Break a name into at most three lines; the rest is cut and replaced by " ...".

    Args:
        name: text.
        width: space for the text, inches.
        points: size of type.

    Returns:
        Text, with newlines between its lines.
    """
    characters = int(72 * width / (points * _LETTER_WIDTH))
    return "\n".join(textwrap.wrap(name, characters, max_lines=_LINES, placeholder=" ...", break_on_hyphens=False))


def count_lines(titles: Sequence[str]) -> int:
    """Number of lines of the longest of some wrapped titles, at least 1."""
    return max((title.count("\n") + 1 for title in titles), default=1)
