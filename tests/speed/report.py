"""Results to Markdown."""

from tests.speed.settings import TITLES

_MEASURES = {
    "steps": "Seconds a step, and ratio to the bare network",
    "startup": "Seconds that an objective costs beyond its step: the first, and the second of its kind",
    "many": "Objectives in one batch, beside as many single ones of the same crops",
    "memory": "Peak memory beyond a process that has the packages and the network and makes no step",
}
_HEADERS = {
    "steps": ("network", "crops", "method", "seconds a step", "ratio", "rounds x steps"),
    "startup": ("network", "crops", "method", "first", "second", "traces"),
    "many": ("network", "crops", "objectives", "seconds, one batch", "seconds, single ones", "ratio"),
    "memory": ("network", "crops", "method", "MiB", "MiB of GPU"),
}


def markdown(results):
    """The tables as Markdown; what failed or did not fit is a row with the reason.

    Args:
        results: dictionary as speed.json holds it.

    Returns:
        Text.
    """
    settings = results["settings"]
    lines = [
        f"{_machine(results['machine'])} Images of {settings['image_size']} pixels. Median (quartiles); every ratio is "
        "taken within a round in which all methods took their turn in one process, on the same weights. Seconds are "
        f"this machine's, with whatever else it did. {_length(results)}",
    ]
    for measure, title in _MEASURES.items():
        rows = [row for row in results["rows"] if row["measure"] == measure]
        if rows:
            header = _HEADERS[measure]
            table = [line for row in rows for line in _LINES[measure](row, results)]
            lines += ["", f"## {title}", "", *_table(header, table)]
    return "\n".join(lines) + "\n"


def spread(values, digits):
    """A summary as text: "1.04 (1.02-1.07)"."""
    return f"{values['median']:.{digits}f} ({values['low']:.{digits}f}-{values['high']:.{digits}f})"


def _machine(machine):
    if machine is None or "failure" in machine:
        return "What machine this was could not be told."
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version)
    instructions = ", ".join(machine["instructions"] or ["unknown"])
    gpus = ", ".join(machine["gpus"]) or "no GPU"
    return f"{versions}; {machine['processor']}, {machine['cores']} core(s) ({instructions}); {gpus}."


def _length(results):
    state = "The whole took" if results["complete"] else "**Unfinished** after"
    return f"{state} {results['seconds'] / 60:.0f} minutes."


def _place(row):
    return [TITLES.get(row["network"], row["network"]), str(row["crops"])]


def _failed(row, method, width):
    """A line that says why there is nothing else in it."""
    return [*_place(row), method, row["failure"], *[""] * (width - 4)]


def _failures(row, width):
    return [_failed({**row, "failure": text}, name, width) for name, text in row["failures"].items()]


def _step_lines(row, _):
    if "failure" in row:
        return [_failed(row, "all", 6)]
    lines = []
    for name, found in row["methods"].items():
        seconds = found["seconds"]
        # The bare network's ratio to itself tells nothing.
        ratio = "1" if found["ratio"]["low"] == found["ratio"]["high"] == 1 else spread(found["ratio"], 3)
        turns = f"{row['rounds']} x {row['steps']}"
        lines.append([*_place(row), name, spread(seconds, 3), ratio, turns])
    return lines + _failures(row, 6)


def _startup_lines(row, _):
    if "failure" in row:
        return [_failed(row, "all", 6)]
    lines = [
        [*_place(row), name, f"{found['first']:.2f}", f"{found['second']:.2f}", str(found["traces"] or "")]
        for name, found in row["methods"].items()
    ]
    return lines + _failures(row, 6)


def _many_lines(row, _):
    if "failure" in row:
        return [_failed(row, str(row["count"]), 6)]
    texts = [spread(row[name], 3) for name in ("batch", "single", "ratio")]
    return [[*_place(row), str(row["objectives"]), *texts]]


def _memory_lines(row, results):
    if "failure" in row:
        return [_failed(row, row["method"], 5)]
    if row["method"] == "baseline":
        return [[*_place(row), f"baseline, all of it: {_mib(row['host'])}", "0", _mib(row["device"])]]
    same = [other for other in results["rows"] if other["measure"] == "memory" and other["network"] == row["network"]]
    base = next((other for other in same if other["method"] == "baseline" and "failure" not in other), None)
    given = ", ".join(f"{name}={value}" for name, value in row.get("arguments", {}).items())
    method = f"{row['method']}, {given}" if given else row["method"]
    if base is None:
        return [_failed({**row, "failure": f"no baseline; all of it: {_mib(row['host'])}"}, row["method"], 5)]
    device = None if row["device"] is None else row["device"] - base["device"]
    return [[*_place(row), method, _mib(row["host"] - base["host"]), _mib(device)]]


_LINES = {"steps": _step_lines, "startup": _startup_lines, "many": _many_lines, "memory": _memory_lines}


def _mib(size):
    return "" if size is None else f"{size / 2**20:.0f}"


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    # A bar in an error's text would end the cell.
    return [f"| {' | '.join(text.replace('|', '/') for text in line)} |" for line in lines]
