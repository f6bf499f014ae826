"""How fast the package is beside the bare network, xplique and Horama.

Every ratio is taken within a round in which all methods took their turn in one process, on the same weights, so that
other work on the machine slows both of its sides. Results are kept row by row: speed.json, speed.md and speed.png hold
what there is when the command is interrupted.
"""

import argparse
import dataclasses
import json
import os
import time
from pathlib import Path

from tests.speed.orders import orders, rows
from tests.speed.picture import draw
from tests.speed.report import markdown
from tests.speed.settings import QUICK, Settings

_ROOT = Path(__file__).parents[2]


def main(arguments=None):
    """Run the command.

    Returns:
        The exit status: 0, or 130 after an interrupt.
    """
    settings, output = _options(arguments)
    results = {"settings": dataclasses.asdict(settings), "complete": False, "seconds": 0.0, "machine": None, "rows": []}
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
        print(f"Interrupted; {output} holds what was measured.")
        return 130
    print((output / "speed.md").read_text(encoding="utf-8"))
    return 0


def _options(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m tests.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, default = parser.add_argument, Settings()
    add("--networks", nargs="+", choices=default.networks, help="by default all")
    add("--crops", nargs="+", type=int, help="views a step (default: 4 8 32)")
    add("--rounds", type=int, help=f"turns of every method (default: {default.rounds})")
    add("--steps", type=int, help=f"steps of a turn, fewer of slow networks (default: {default.steps})")
    add("--limit", type=float, help=f"seconds a network and number of crops (default: {default.limit:.0f})")
    add("--image-size", type=int, help=f"side of the image, pixels (default: {default.image_size})")
    add("--memory-crops", type=int, help=f"views a step where memory is measured (default: {default.memory_crops})")
    add("--torch", action="store_true", help="Horama too; needs torch, torchvision, timm and horama")
    add("--quick", action="store_true", help="SqueezeNet, small and few: shows that everything runs")
    add("--output", type=Path, help="a folder (default: assets/benchmark, with --quick build/benchmark)")
    options = parser.parse_args(arguments)
    for name in ("crops", "rounds", "steps", "limit", "image_size", "memory_crops"):
        value = getattr(options, name)
        if value is not None and min(value if isinstance(value, list) else [value]) <= 0:
            parser.error(f"--{name.replace('_', '-')} must be above 0. Received: {value}.")
    if options.torch:
        from tests.speed.torch_methods import missing_packages

        if missing := missing_packages():
            parser.error(
                f"--torch needs PyTorch and Horama. Missing: {', '.join(missing)}. Run: pip install {' '.join(missing)}"
            )
    names = {field.name for field in dataclasses.fields(Settings)}
    given = {key: value for key, value in vars(options).items() if key in names and value is not None}
    # From few to many, so that what does not fit comes last.
    given |= {"crops": tuple(sorted(set(options.crops)))} if options.crops else {}
    settings = Settings(**{**(QUICK if options.quick else {}), **given})
    # A quick run's figures must not take the place of a whole one's.
    output = options.output or _ROOT / ("build" if options.quick else "assets") / "benchmark"
    return settings, output


def _write(results, output):
    """Write all three files; each is there whole or as it was."""
    unfinished = output / ".speed.json"
    unfinished.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(unfinished, output / "speed.json")
    (output / "speed.md").write_text(markdown(results), encoding="utf-8")
    draw(results, output / "speed.png")


def _title(row):
    words = [row["measure"], row["network"], row.get("method", ""), f"{row['crops']} crops" if "crops" in row else ""]
    return ", ".join(filter(None, words)) + (f": {row['failure']}" if "failure" in row else "")


if __name__ == "__main__":
    raise SystemExit(main())
