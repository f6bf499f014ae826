"""Results to bars."""

import numpy as np

from maco_tf.display.grid import write_figure
from tests.speed.cases import VARIANTS
from tests.speed.settings import TITLES

_BARE = ("bare network", "bare network (PyTorch)")


def draw(results, path=None):
    """Ratios to the bare network: a panel a network, a group a number of crops, a bar a method, quartiles as whiskers.

    Args:
        results: dictionary as speed.json holds it.
        path: where to write the figure; `None` writes nothing.

    Returns:
        The `matplotlib.figure.Figure`, which pyplot does not keep.
    """
    from matplotlib.figure import Figure

    rows = [row for row in results["rows"] if row["measure"] == "steps"]
    networks, crops = results["settings"]["networks"], results["settings"]["crops"]
    found = {(row["network"], row["crops"]): row for row in rows}
    # Variants, which may take ten times as long, would flatten what is to be compared; tables have them.
    left_out = (*_BARE, *VARIANTS)
    names = (name for row in rows for name in row.get("methods", ()) if name not in left_out)
    methods = list(dict.fromkeys(names))
    figure = Figure(figsize=(1.2 + max(2.2, 0.8 * len(crops)) * len(networks), 3.6))
    figure.set_layout_engine("constrained")
    axes = figure.subplots(1, len(networks), sharey=True, squeeze=False)[0]
    for axis, network in zip(axes, networks):
        axis.axhline(1, color="black", linewidth=0.8, zorder=3)
        for place, count in enumerate(crops):
            if (network, count) in found or not results["complete"]:
                _group(axis, place, found.get((network, count)), methods)
        axis.set_xticks(range(len(crops)), [str(count) for count in crops])
        axis.set_xlim(-0.5, len(crops) - 0.5)
        axis.set_title(TITLES.get(network, network), fontsize=10)
        axis.set_xlabel("crops a step", fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("time of a step / bare network", fontsize=9)
    # Room for the values above the whiskers.
    axes[0].set_ylim(0, 1.15 * max((axis.dataLim.ymax for axis in axes), default=1))
    handles = [axes[0].bar(0, 0, color=f"C{index}") for index in range(len(methods))]
    if methods:
        figure.legend(handles, methods, loc="outside upper center", ncols=len(methods), frameon=False, fontsize=9)
    return write_figure(figure, path)


def _group(axis, place, row, methods):
    """The bars of one network and number of crops, or a word where there are none."""
    if row is None or "failure" in row:
        axis.text(place, 0.05, "pending" if row is None else "not measured", rotation=90, ha="center", fontsize=8)
        return
    width = 0.84 / len(methods)
    for index, name in enumerate(methods):
        centre = place + (index - (len(methods) - 1) / 2) * width
        if name not in row["methods"]:
            axis.text(centre, 0.05, "failed", rotation=90, ha="center", fontsize=8)
            continue
        ratio = row["methods"][name]["ratio"]
        whiskers = np.array([[ratio["median"] - ratio["low"]], [ratio["high"] - ratio["median"]]])
        axis.bar(centre, ratio["median"], width, yerr=whiskers, color=f"C{index}", error_kw={"linewidth": 0.9})
        text, top, size = f"{ratio['median']:.2f}", (centre, ratio["high"]), 7 if width > 0.3 else 6
        # The line at 1 would cross out what stands on it.
        ground = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
        axis.annotate(text, top, (0, 3), textcoords="offset points", ha="center", fontsize=size, bbox=ground, zorder=4)
