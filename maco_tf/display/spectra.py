"""A figure of power spectra, as figure 2 of the MACO paper."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from maco_tf.display.files import write_figure
from maco_tf.display.grid import count_lines, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Power of the error that rounding to 8 bits adds, step² / 12. Below it, a spectrum holds nothing to see.
_FLOOR = (1 / 255) ** 2 / 12
# Width of a map, inches, and the size of type of its title, points.
_WIDTH, _POINTS = 2.3, 11
# The most maps side by side.
_COLUMNS = 4


@runtime_checkable
class Spectrum(Protocol):
    """A power spectrum that can be drawn, such as `maco_tf.metrics.PowerSpectrum`."""

    def full(self) -> np.ndarray:
        """Array (channels, height, width), the power with zero frequency in the centre."""

    def radial_profile(self) -> tuple[np.ndarray, np.ndarray]:
        """Frequencies (rings,), in cycles per pixel, and the mean powers (channels, rings) over rings around zero."""


def draw_spectra(spectra: Mapping[str, Spectrum], *, path: str | Path | None = None) -> "Figure":
    """Draw power spectra side by side, four in a row, and, below, their radial profiles in one plot.

    A heat map shows log10 of the power, averaged over channels, with zero frequency in the centre. All maps share one
    colour scale, so equal colours are equal powers. Power below 1.3e-6, which rounding to 8 bits adds, is drawn as
    1.3e-6. Compare only spectra of the same channels, window and kind.

    Args:
        spectra: dictionary from a name to a `PowerSpectrum`, or to any object with its methods `full()` and
            `radial_profile()`. The first serves as the reference, such as natural images: its profile is black.
        path: name of a `.png`, `.pdf` or `.svg` file to write. Missing folders are created. `None` writes nothing.

    Returns:
        The figure. It is not registered with pyplot.

    Raises:
        ValueError: there is no spectrum, or an object is not one.
    """
    from matplotlib.figure import Figure

    if not spectra:
        raise ValueError('"spectra" must hold at least one power spectrum. Received: none.')
    for name, spectrum in spectra.items():
        if not isinstance(spectrum, Spectrum):
            raise ValueError(
                f'"spectra" must hold power spectra. Received: {type(spectrum).__name__} for {name!r}. '
                "maco_tf.metrics.power_spectrum(images) makes one."
            )
    maps = [_log_power(spectrum.full().mean(axis=0)) for spectrum in spectra.values()]
    for image in maps:
        # Power at zero frequency is zero by definition; the largest of its neighbours takes its place.
        row, column = image.shape[0] // 2, image.shape[1] // 2
        image[row, column] = image[row - 1 : row + 2, column - 1 : column + 2].max()
    low, high = min(image.min() for image in maps), max(image.max() for image in maps)
    # The ticks between two maps take a fifth of the width.
    titles = [wrapped(name, 0.8 * _WIDTH, _POINTS) for name in spectra]
    further = count_lines(titles) - 1
    columns = min(len(maps), _COLUMNS)
    rows = -(-len(maps) // columns)
    height = _WIDTH + 0.4 + 0.2 * further
    figure = Figure(figsize=(max(_WIDTH * columns, 4.6) + 0.7, rows * height + 2.9))
    figure.set_layout_engine("constrained")
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=(*[1] * rows, 1.1))
    axes = [figure.add_subplot(grid[index // columns, index % columns]) for index in range(len(maps))]
    for index, (axis, title, image) in enumerate(zip(axes, titles, maps)):
        # Both axes run over cycles per pixel, whatever the size of the image.
        drawn = axis.imshow(image, vmin=low, vmax=high, cmap="magma", extent=(-0.5, 0.5, 0.5, -0.5))
        # A name may hold a dollar sign, which matplotlib would read as a formula.
        axis.set_title(title, fontsize=_POINTS, parse_math=False)
        axis.set(xticks=(-0.5, 0, 0.5), yticks=() if index % columns else (-0.5, 0, 0.5))
        axis.tick_params(labelsize=8)
    figure.colorbar(drawn, ax=axes, label="log10 power", shrink=0.9)
    _draw_profiles(figure.add_subplot(grid[rows, :]), spectra)
    return write_figure(figure, path)


def _draw_profiles(axis: "Axes", spectra: Mapping[str, Spectrum]) -> None:
    for index, (name, spectrum) in enumerate(spectra.items()):
        frequency, power = spectrum.radial_profile()
        colour, weight = ("black", 2.0) if index == 0 else (f"C{index - 1}", 1.5)
        label = wrapped(name, _WIDTH, _POINTS)
        axis.loglog(frequency, np.maximum(power.mean(axis=0), _FLOOR), color=colour, linewidth=weight, label=label)
    axis.set(xlabel="frequency (cycles per pixel)", ylabel="power", xlim=(None, 0.5))
    axis.set_xticks((0.01, 0.03, 0.1, 0.25, 0.5), ("0.01", "0.03", "0.1", "0.25", "0.5"))
    axis.minorticks_off()
    axis.spines[["top", "right"]].set_visible(False)
    # A long legend would cover the profiles, so it stands below them.
    below: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2), "ncols": _COLUMNS}
    legend = axis.legend(frameon=False, fontsize=9, **(below if len(spectra) > _COLUMNS else {}))
    for text in legend.get_texts():
        text.set_parse_math(False)


def _log_power(power: np.ndarray) -> np.ndarray:
    return np.log10(np.maximum(power, _FLOOR))
