"""A folder of many units: the result of the search, a table, and a sheet with the images of every unit."""

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maco_tf.checks import check_integer
from maco_tf.display.files import figure_png, file_name
from maco_tf.display.grid import wrapped
from maco_tf.display.rgba import as_colours
from maco_tf.exemplars.records import read_result
from maco_tf.exemplars.result import Exemplars
from maco_tf.exemplars.summary import UnitSummary, summarize_units

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESULT, TABLE, SHEETS = "exemplars.npz", "units.csv", "sheets"
# Classes of each unit in the table.
_CLASSES = 5
# Width of a picture in a sheet, inches, and the size of type, points.
_SIDE, _POINTS = 2.2, 10


def write_units(found: Exemplars, folder: str | Path, *, figures: int = 100) -> list[Path]:
    """Write the exemplars of units to a folder.

    Args:
        found: an `Exemplars`.
        folder: the folder. It gets `exemplars.npz` (see `Exemplars.save`), `units.csv` (see `unit_table`), and in
            `sheets` a PNG with the strongest images of a unit, for as many units as `figures` says, those of the
            smallest layers first. Sheets of an earlier result are removed. Dead units have no sheet.
        figures: the largest number of units that get a sheet, at least 0.

    Returns:
        List of the paths written.

    Raises:
        ValueError: an image can no longer be read; the result and the table are written by then.
    """
    folder, figures = Path(folder), check_integer("figures", figures, 0)
    for path in _earlier_sheets(folder):
        path.unlink(missing_ok=True)
    written = [found.save(folder / RESULT), folder / TABLE]
    summaries = summarize_units(found, _CLASSES)
    (folder / TABLE).write_text(unit_table(summaries), encoding="utf-8")
    # Units that were named one by one come before those of whole layers.
    layers = [name.rpartition(":")[0] for name in found.names]
    sizes = Counter(layers)
    alive = sorted(np.flatnonzero([not summary.dead for summary in summaries]), key=lambda unit: sizes[layers[unit]])
    paths = _sheet_paths(folder, found.names)
    (folder / SHEETS).mkdir(exist_ok=True)
    for unit in sorted(alive[:figures]):
        paths[unit].write_bytes(figure_png(draw_sheet(found[unit], summaries[unit])))
        written.append(paths[unit])
    return written


def unit_table(summaries: Sequence[UnitSummary]) -> str:
    """The summaries of units as comma-separated values.

    Args:
        summaries: list of `UnitSummary`.

    Returns:
        Text: a heading, and a line for each unit with its name; "dead" or "alive"; the number of images, and of those
        with a value above 0; mean, deviation, minimum and maximum; and, if the images have classes, the names of the
        unit's best classes, each with the mean of its ten highest values and how many times the mean of an average
        class that is. The latter is empty if no class has a mean above 0.
    """
    classes = max((len(summary.classes) for summary in summaries), default=0)
    heading = ["unit", "state", "images", "active", "mean", "deviation", "minimum", "maximum"]
    for place in range(1, classes + 1):
        heading += [f"class_{place}", f"class_{place}_mean", f"class_{place}_ratio"]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(heading)
    for summary in summaries:
        values = (summary.mean, summary.deviation, summary.minimum, summary.maximum)
        row = [summary.name, "dead" if summary.dead else "alive", summary.images, summary.active]
        row += [f"{value:.6g}" for value in values]
        for found in summary.classes:
            row += [found.name, f"{found.mean:.6g}", f"{found.ratio:.6g}" if found.share else ""]
        table.writerow(row + [""] * (len(heading) - len(row)))
    return text.getvalue()


def draw_sheet(found: Exemplars, summary: UnitSummary) -> "Figure":
    """Draw the strongest images of a unit with their scores, below its summary.

    Args:
        found: an `Exemplars` of one unit.
        summary: its `UnitSummary`.

    Returns:
        A `matplotlib.figure.Figure`, not registered with pyplot.
    """
    from matplotlib.figure import Figure

    there = found.indices[0] >= 0
    images = found.images(indices=found.indices[:, there])[0]
    drawn = as_colours(images)
    lines = [summary.name, summary.sparsity_text]
    if summary.classes:
        lines.append(f"highest for {', '.join(best.name for best in summary.classes[:3])}")
    columns = math.ceil(math.sqrt(len(drawn)))
    rows = math.ceil(len(drawn) / columns)
    height, width = drawn.shape[1:3]
    figure = Figure(figsize=(_SIDE * columns, (_SIDE * height / width + 0.22) * rows + 0.2 * len(lines)))
    figure.set_layout_engine("constrained")
    # A name may hold a dollar sign, which matplotlib would read as a formula.
    figure.suptitle(
        "\n".join(wrapped(line, _SIDE * columns, _POINTS) for line in lines), fontsize=_POINTS, parse_math=False
    )
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, image, score in zip(axes, drawn, found.scores[0][there]):
        axis.imshow(image)
        axis.set_title(f"{score:.4g}", fontsize=_POINTS - 2)
    return figure


def _sheet_paths(folder: Path, names: Sequence[str]) -> list[Path]:
    digits = len(str(max(len(names) - 1, 0)))
    return [folder / SHEETS / f"{unit:0{digits}d}_{file_name(name)}.png" for unit, name in enumerate(names)]


def _earlier_sheets(folder: Path) -> list[Path]:
    """The sheets of the result that is in the folder, which has the names of its units."""
    if not (folder / RESULT).exists():
        return []
    try:
        return _sheet_paths(folder, read_result(folder / RESULT).names)
    except ValueError:
        return []
