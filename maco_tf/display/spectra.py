"""A figure of power spectra, as the paper's figure 2."""

import numpy as np

from maco_tf.display.grid import write_figure

# What 8-bit rounding adds to a spectrum; there is nothing to see below it.
_FLOOR = (1 / 255) ** 2 / 12


def draw_spectra(spectra, *, path=None):
    """Draw power spectra beside each other and, below, their means over rings of equal frequency.

    The heat maps show log10 of the power, mean over channels, zero frequency in the centre, on one colour scale, so
    that equal colours are equal powers. Power below what rounding to 8 bits adds, 1.3e-6, is drawn as that. Spectra of
    different channels, windows or kinds do not belong into one figure.

    Args:
        spectra: dictionary, name -> `PowerSpectrum`, or whatever has its `full()` and `radial_profile()`. The first is
            the reference by custom, such as natural images; its profile is drawn black.
        path: where to write the figure, `.png`, `.pdf` or `.svg`; `None` writes nothing. Folders are made.

    Returns:
        The `matplotlib.figure.Figure`, which pyplot does not keep.

    Raises:
        ValueError: no spectrum, or something that is none.
    """
    from matplotlib.figure import Figure

    if not spectra:
        raise ValueError('"spectra" must hold at least one. Received: none.')
    for name, spectrum in spectra.items():
        if not hasattr(spectrum, "full") or not hasattr(spectrum, "radial_profile"):
            raise ValueError(
                f'"spectra" must hold power spectra. Received: {type(spectrum).__name__} for {name!r}. '
                "maco_tf.metrics.power_spectrum(images) makes one."
            )
    maps = {name: _log_power(spectrum.full().mean(axis=0)) for name, spectrum in spectra.items()}
    for image in maps.values():
        # Zero frequency has no power by definition; in its place stands its neighbourhood.
        row, column = image.shape[0] // 2, image.shape[1] // 2
        image[row, column] = image[row - 1 : row + 2, column - 1 : column + 2].max()
    low, high = min(image.min() for image in maps.values()), max(image.max() for image in maps.values())
    width = max(2.3 * len(maps), 4.6)
    figure = Figure(figsize=(width + 0.7, 5.6))
    figure.set_layout_engine("constrained")
    grid = figure.add_gridspec(2, len(maps), height_ratios=(1, 1.1))
    axes = [figure.add_subplot(grid[0, column]) for column in range(len(maps))]
    for axis, (name, image) in zip(axes, maps.items()):
        # Cycles per pixel along both axes, whatever the image's size.
        drawn = axis.imshow(image, vmin=low, vmax=high, cmap="magma", extent=(-0.5, 0.5, 0.5, -0.5))
        axis.set_title(name, fontsize=11, parse_math=False)
        axis.set(xticks=(-0.5, 0, 0.5), yticks=(-0.5, 0, 0.5) if axis is axes[0] else ())
        axis.tick_params(labelsize=8)
    figure.colorbar(drawn, ax=axes, label="log10 power", shrink=0.9)
    _draw_profiles(figure.add_subplot(grid[1, :]), spectra)
    return write_figure(figure, path)


def _draw_profiles(axis, spectra):
    for index, (name, spectrum) in enumerate(spectra.items()):
        frequency, power = spectrum.radial_profile()
        colour, weight = ("black", 2.0) if index == 0 else (f"C{index - 1}", 1.5)
        axis.loglog(frequency, np.maximum(power.mean(axis=0), _FLOOR), color=colour, linewidth=weight, label=name)
    axis.set(xlabel="frequency (cycles per pixel)", ylabel="power", xlim=(None, 0.5))
    axis.set_xticks((0.01, 0.03, 0.1, 0.25, 0.5), ("0.01", "0.03", "0.1", "0.25", "0.5"))
    axis.minorticks_off()
    axis.spines[["top", "right"]].set_visible(False)
    legend = axis.legend(frameon=False, fontsize=9)
    for text in legend.get_texts():
        text.set_parse_math(False)


def _log_power(power):
    return np.log10(np.maximum(power, _FLOOR))
