"""Results as tables in Markdown, and as a figure of bars."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.speed.settings import BARE, BASELINE, TITLES, VARIANTS
from tests.speed.torch_runs import TORCH_BARE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The content of speed.json, and one of its rows.
Results = Mapping[str, Any]
Row = Mapping[str, Any]

# Measure -> title and explanation.
_SECTIONS = {
    "steps": (
        "Time per step",
        "The bare network is the reference of the ratio: one forward pass, and the gradient of a logit with respect to "
        "as many images as there are crops, without crops, noise or optimizer. A ratio below 1 is possible, because "
        "maco_tf splits a step into smaller batches on a CPU and folds batch normalisation into convolutions.",
    ),
    "startup": (
        "Start-up",
        "Seconds beyond the steps themselves: for the first objective, including making the visualizer and tracing, "
        "and for a second objective of the same kind.",
    ),
    "many": (
        "Batches of objectives",
        "Seconds for one step of a batch of objectives, and for one step of each of as many single objectives. Every "
        "objective has the same number of crops.",
    ),
    "memory": (
        "Peak memory",
        "Memory beyond the baseline, which is a process that imports the packages and loads the network, but makes no "
        "step.",
    ),
}
_HEADERS = {
    "steps": ("network", "crops", "method", "seconds per step", "ratio", "rounds x steps"),
    "startup": ("network", "crops", "method", "first (s)", "second (s)", "traces"),
    "many": ("network", "crops", "objectives", "one batch (s)", "single objectives (s)", "ratio"),
    "memory": ("network", "crops", "method", "MiB", "MiB of GPU"),
}


def markdown(results: Results) -> str:
    """The results as tables. A measurement that failed or took too long is a row with the reason.

    Args:
        results: dictionary, the content of speed.json.

    Returns:
        Text.
    """
    side = results["settings"]["image_size"]
    lines = [
        "# Time and memory of a step",
        "",
        f"{_machine(results['machine'])} Images of {side} x {side} pixels.",
        "",
        "Values are medians, with quartiles in brackets. All methods take turns in one process, on the same weights. A "
        "ratio is taken within one round of turns, so that other work on the machine slows both of its sides. Seconds "
        f"depend on this machine and on what else it was doing. {_length(results)}",
    ]
    for measure, (title, explanation) in _SECTIONS.items():
        rows = [row for row in results["rows"] if row["measure"] == measure]
        if rows:
            table = [line for row in rows for line in _LINES[measure](row, results)]
            lines += ["", f"## {title}", "", explanation, "", *_table(_HEADERS[measure], table)]
    return "\n".join(lines) + "\n"


def draw(results: Results, path: str | Path | None = None) -> "Figure":
    """Draw the ratios to the bare network: one panel per network, one group per number of crops, one bar per method.

    Whiskers are quartiles.

    Args:
        results: dictionary, the content of speed.json.
        path: where to write the figure; `None` writes nothing.

    Returns:
        The `matplotlib.figure.Figure`. pyplot does not hold a reference to it.
    """
    # Imported after the measurements: a child's peak of memory begins at that of its parent.
    from matplotlib.figure import Figure

    from maco_tf.display.files import write_figure

    rows = [row for row in results["rows"] if row["measure"] == "steps"]
    networks, crops = results["settings"]["networks"], results["settings"]["crops"]
    found = {(row["network"], row["crops"]): row for row in rows}
    # Variants may take ten times as long and would flatten all other bars. They are in the tables.
    left_out = (BARE, TORCH_BARE, *VARIANTS)
    methods = list(dict.fromkeys(name for row in rows for name in row.get("methods", ()) if name not in left_out))
    figure = Figure(figsize=(1.2 + max(2.2, 0.8 * len(crops)) * len(networks), 3.6))
    figure.set_layout_engine("constrained")
    axes = figure.subplots(1, len(networks), sharey=True, squeeze=False)[0]
    for axis, network in zip(axes, networks):
        axis.axhline(1, color="black", linewidth=0.8, zorder=3)
        for place, count in enumerate(crops):
            if (network, count) in found or not results["complete"]:
                _draw_group(axis, place, found.get((network, count)), methods)
        axis.set_xticks(range(len(crops)), [str(count) for count in crops])
        axis.set_xlim(-0.5, len(crops) - 0.5)
        axis.set_title(TITLES.get(network, network), fontsize=10)
        axis.set_xlabel("crops per step", fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("time per step / bare network", fontsize=9)
    # Leaves room for the numbers above the whiskers.
    axes[0].set_ylim(0, 1.15 * max((axis.dataLim.ymax for axis in axes), default=1))
    handles = [axes[0].bar(0, 0, color=f"C{index}") for index in range(len(methods))]
    if methods:
        figure.legend(handles, methods, loc="outside upper center", ncols=len(methods), frameon=False, fontsize=9)
    return write_figure(figure, path)


def _draw_group(axis: "Axes", place: int, row: Row | None, methods: Sequence[str]) -> None:
    """The bars of one network and number of crops, or a word that says why there are none."""
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
        axis.annotate(
            f"{ratio['median']:.2f}",
            (centre, ratio["high"]),
            (0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=7 if width > 0.3 else 6,
            # Hides the line at 1 behind the number.
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"},
            zorder=4,
        )


def _machine(machine: Mapping[str, Any] | None) -> str:
    if machine is None or "failure" in machine:
        return "The machine is unknown."
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version)
    instructions = ", ".join(machine["instructions"] or ["unknown instructions"])
    gpus = ", ".join(machine["gpus"]) or "no GPU"
    cores = f"{machine['cores']} core{'' if machine['cores'] == 1 else 's'}"
    return f"Software: {versions}. Machine: {machine['processor']}, {cores} ({instructions}), {gpus}."


def _length(results: Results) -> str:
    minutes = f"{results['seconds'] / 60:.0f} minutes"
    return f"All measurements took {minutes}." if results["complete"] else f"**Unfinished**, after {minutes}."


def _place(row: Row) -> list[str]:
    network = str(row["network"])
    return [TITLES.get(network, network), str(row["crops"])]


def _failed(row: Row, method: str, reason: str, width: int) -> list[str]:
    """A line with a reason in place of values."""
    return [*_place(row), method, reason, *[""] * (width - 4)]


def _failures(row: Row, width: int) -> list[list[str]]:
    return [_failed(row, name, reason, width) for name, reason in row["failures"].items()]


def _step_lines(row: Row, _: Results) -> list[list[str]]:
    if "failure" in row:
        return [_failed(row, "all", row["failure"], 6)]
    lines = []
    for name, found in row["methods"].items():
        # The ratio of the bare network to itself has no quartiles.
        ratio = "1" if found["ratio"]["low"] == found["ratio"]["high"] == 1 else _spread(found["ratio"])
        lines.append([*_place(row), name, _spread(found["seconds"]), ratio, f"{row['rounds']} x {row['steps']}"])
    return lines + _failures(row, 6)


def _startup_lines(row: Row, _: Results) -> list[list[str]]:
    if "failure" in row:
        return [_failed(row, "all", row["failure"], 6)]
    lines = [
        [*_place(row), name, f"{found['first']:.2f}", f"{found['second']:.2f}", str(found["traces"] or "")]
        for name, found in row["methods"].items()
    ]
    return lines + _failures(row, 6)


def _many_lines(row: Row, _: Results) -> list[list[str]]:
    if "failure" in row:
        return [_failed(row, str(row["count"]), row["failure"], 6)]
    return [[*_place(row), str(row["objectives"]), *[_spread(row[name]) for name in ("batch", "single", "ratio")]]]


def _memory_lines(row: Row, results: Results) -> list[list[str]]:
    if "failure" in row:
        return [_failed(row, row["method"], row["failure"], 5)]
    total = f"{_mib(row['host'])} MiB in total"
    if row["method"] == BASELINE:
        return [[*_place(row), f"{BASELINE} ({total})", "0", _mib(row["device"])]]
    same = [other for other in results["rows"] if other["measure"] == "memory" and other["network"] == row["network"]]
    base = next((other for other in same if other["method"] == BASELINE and "failure" not in other), None)
    if base is None:
        return [_failed(row, row["method"], f"no baseline; {total}", 5)]
    arguments = [f"{name}={value}" for name, value in row.get("arguments", {}).items()]
    device = None if row["device"] is None else row["device"] - base["device"]
    return [[*_place(row), ", ".join([row["method"], *arguments]), _mib(row["host"] - base["host"]), _mib(device)]]


_LINES = {"steps": _step_lines, "startup": _startup_lines, "many": _many_lines, "memory": _memory_lines}


def _spread(values: Mapping[str, Any]) -> str:
    """A summary as text, such as "1.041 (1.022-1.070)"."""
    return f"{values['median']:.3f} ({values['low']:.3f}-{values['high']:.3f})"


def _mib(size: int | None) -> str:
    return "" if size is None else f"{size / 2**20:.0f}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    # A vertical bar in an error message would end the cell.
    return [f"| {' | '.join(text.replace('|', '/') for text in line)} |" for line in lines]
