"""Measure how fast the package is, compared with the bare network, xplique and Horama.

All methods take turns in one process, on the same weights. Every ratio is taken within one round of turns, so that
other work on the machine slows both of its sides. speed.json, speed.md and speed.png are written after every row of
results, so that an interrupted run leaves what it has measured.
"""

import argparse
import dataclasses
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.speed.processes import orders, rows
from tests.speed.report import draw, markdown
from tests.speed.settings import QUICK, Settings
from tests.speed.torch_runs import missing_packages

_ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the arguments; `None` takes those of the command line.

    Returns:
        The exit status: 0, or 130 after an interrupt.
    """
    settings, output = _options(arguments)
    results: dict[str, Any] = {
        "settings": dataclasses.asdict(settings),
        "complete": False,
        "seconds": 0.0,
        "machine": None,
        "rows": [],
    }
    output.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    try:
        for network, tasks in orders(settings):
            for row in rows(network, tasks, settings):
                if row["measure"] == "machine":
                    results["machine"] = {key: row[key] for key in row if key not in ("measure", "network")}
                else:
                    results["rows"].append(row)
                results["seconds"] = time.monotonic() - begun
                _write(results, output)
                print(f"{results['seconds']:6.0f} s  {_title(row)}", flush=True)
        results["complete"] = True
        _write(results, output)
    except KeyboardInterrupt:
        print(f"Interrupted. {output} holds what was measured.")
        return 130
    print((output / "speed.md").read_text(encoding="utf-8"))
    return 0


def _options(arguments: Sequence[str] | None) -> tuple[Settings, Path]:
    parser = argparse.ArgumentParser(
        prog="python -m tests.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, default = parser.add_argument, Settings()
    add("--networks", nargs="+", choices=default.networks, help="default: all")
    add("--crops", nargs="+", type=int, help="views per step (default: 4 8 32)")
    add("--rounds", type=int, help=f"turns of every method (default: {default.rounds})")
    add("--steps", type=int, help=f"steps per turn; slow networks take fewer (default: {default.steps})")
    add("--limit", type=float, help=f"seconds per network and number of crops (default: {default.limit:.0f})")
    add("--image-size", type=int, help=f"side of the image, pixels (default: {default.image_size})")
    add("--memory-crops", type=int, help=f"views per step when memory is measured (default: {default.memory_crops})")
    add("--torch", action="store_true", help="measure Horama too; needs torch, torchvision, timm and horama")
    add("--quick", action="store_true", help="a small run on SqueezeNet, to see whether everything works")
    add("--output", type=Path, help="a folder (default: assets/benchmark; build/benchmark with --quick)")
    options = parser.parse_args(arguments)
    for name in ("crops", "rounds", "steps", "limit", "image_size", "memory_crops"):
        value = getattr(options, name)
        if value is not None and min(value if isinstance(value, list) else [value]) <= 0:
            parser.error(f"--{name.replace('_', '-')} must be above 0. Received: {value}.")
    if options.torch and (missing := missing_packages()):
        parser.error(f"--torch needs packages that are not installed. Run: pip install {' '.join(missing)}")
    names = {field.name for field in dataclasses.fields(Settings)}
    chosen = {key: value for key, value in vars(options).items() if key in names and value is not None}
    if options.crops:
        # In increasing order, so that a case that takes too long comes last.
        chosen["crops"] = tuple(sorted(set(options.crops)))
    settings = Settings(**{**(QUICK if options.quick else {}), **chosen})
    # The values of a quick run must not replace those of a full one.
    output = options.output or _ROOT / ("build" if options.quick else "assets") / "benchmark"
    return settings, output


def _write(results: Mapping[str, Any], output: Path) -> None:
    """Write all three files. speed.json, which cannot be made again from the others, is replaced at once."""
    unfinished = output / ".speed.json"
    unfinished.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(unfinished, output / "speed.json")
    (output / "speed.md").write_text(markdown(results), encoding="utf-8")
    draw(results, output / "speed.png")


def _title(row: Mapping[str, Any]) -> str:
    words = [row["measure"], row["network"], row.get("method", ""), f"{row['crops']} crops" if "crops" in row else ""]
    return ", ".join(filter(None, words)) + (f": {row['failure']}" if "failure" in row else "")


if __name__ == "__main__":
    raise SystemExit(main())
