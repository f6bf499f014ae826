"""The table of notebooks/guides/models.md, written between two marks of the guide."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.any_model.check import CHECKS

BEGIN, END = "<!-- results of python -m tests.any_model -->", "<!-- end of the results -->"
_SOURCES = ("keras.applications", "keras-hub")


def write(rows: Sequence[dict[str, Any]], guide: Path, missing: Sequence[str] = ()) -> None:
    """Replace the results in the guide.

    Args:
        rows: rows as `tests.any_model` keeps them.
        guide: the file, which contains `BEGIN` and `END`.
        missing: the models that have no row yet.
    """
    text = guide.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    left = f"Not examined yet: {'; '.join(missing)}.\n\n" if missing else ""
    guide.write_text(f"{before}{BEGIN}\n\n{markdown(rows)}\n{left}{END}{after}", encoding="utf-8")


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The summary, a table for each source, and the reasons of failures.

    Args:
        rows: see `write`.
    """
    passed = [row for row in rows if all(row.get("checks", {}).get(check) == "ok" for check in CHECKS)]
    versions = sorted({", ".join(f"{name} {value}" for name, value in row["versions"].items()) for row in rows})
    lines = [
        f"{len(passed)} of {len(rows)} models pass all five checks ({'; '.join(versions)}; random weights; seconds on "
        "two CPU cores that were busy with other work).",
        "",
    ]
    for source in _SOURCES:
        chosen = [row for row in rows if row["source"] == source]
        if chosen:
            families = len({row["family"] for row in chosen})
            lines += [f"### {source}", "", f"{len(chosen)} models of {families} families.", ""]
            lines += ["| family | model | input | output | " + " | ".join((*CHECKS, "seconds")) + " |"]
            lines += ["|" + "---|" * (5 + len(CHECKS))]
            lines += [_line(row) for row in chosen]
            lines += [""]
    reasons = [
        f"- {row['model']}, {check}: {_short(reason)}"
        for row in rows
        for check, reason in ({"all": row["failure"]} if "failure" in row else row["checks"]).items()
        if reason != "ok"
    ]
    return "\n".join([*lines, *(["What failed:", "", *reasons, ""] if reasons else [])])


def _line(row: dict[str, Any]) -> str:
    """The row of a model."""
    if "failure" in row:
        return f"| {row['family']} | {row['model']} | | | " + " | ".join([*["no"] * len(CHECKS), ""]) + " |"
    height, width, channels = row["input"]
    size = f"{height} x {width} x {channels}" + (", wrapped" if "refused" in row else "")
    marks = ["yes" if row["checks"][check] == "ok" else "no" for check in CHECKS]
    cells = [row["family"], row["model"], size, f"`{row['logit']}`", *marks, f"{row['seconds']:.0f}"]
    return "| " + " | ".join(cells) + " |"


def _short(reason: str) -> str:
    """The first sentence of a reason, on one line."""
    whole = " ".join(reason.split())
    return whole if len(whole) <= 200 else f"{whole[:200].rsplit(' ', 1)[0]} ..."
