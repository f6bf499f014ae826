"""Examine which published architectures the package explains, and write the table of notebooks/guides/models.md.

Each model has random weights and is examined by a process of its own with a time limit. assets/models.jsonl keeps one
row a model, so an interrupted run goes on where it stopped, and models are examined again when Keras, keras-hub or
TensorFlow have changed. It needs keras-hub (pip install keras-hub), which the package itself does not.
"""

import argparse
import importlib.metadata
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.any_model.architectures import architectures
from tests.any_model.check import send_row
from tests.any_model.report import write

_ROOT = Path(__file__).parents[2]
RESULTS = _ROOT / "assets" / "models.jsonl"
GUIDE = _ROOT / "notebooks" / "guides" / "models.md"

VERSIONED = ("keras", "keras-hub", "tensorflow")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the arguments; `None` takes those of the command line.

    Returns:
        The exit status: 0, or 130 after an interrupt.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.any_model", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="examine these models, even if they have a result")
    parser.add_argument("--again", action="store_true", help="examine all models, even if they have a result")
    parser.add_argument("--limit", type=float, default=300, help="seconds for a model (default: 300)")
    parser.add_argument("--list", action="store_true", help="print the names of the models and exit")
    options = parser.parse_args(arguments)
    known = architectures()
    if options.list:
        print("\n".join(known))
        return 0
    unknown = set(options.only or ()) - set(known)
    if unknown:
        parser.error(f"--only must be names that --list prints. Received: {', '.join(sorted(unknown))}.")
    rows = read(RESULTS, known)
    versions = {name: importlib.metadata.version(name) for name in VERSIONED}
    current = {name for name, row in rows.items() if row["versions"] == versions}
    chosen = options.only or [name for name in known if options.again or name not in current]
    # Every process is a copy of one that has imported everything and computed nothing, which saves most of its time.
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.any_model.check"])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # XLA compiles as always, but LLVM does not optimise code that runs for two steps.
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")
    begun = time.monotonic()
    try:
        for number, name in enumerate(chosen, 1):
            described = {"source": known[name].source, "family": known[name].family, "model": name}
            rows[name] = {**described, "versions": versions, **in_process(processes, name, options.limit)}
            # In the order of the catalogue, so that a new run changes few lines.
            _write_results(rows[name] for name in known if name in rows)
            failed = rows[name].get("failure") or [key for key, value in rows[name]["checks"].items() if value != "ok"]
            print(f"{time.monotonic() - begun:5.0f} s  {number}/{len(chosen)}  {name}: {failed or 'ok'}", flush=True)
    except KeyboardInterrupt:
        print(f"Interrupted. {RESULTS} holds what was examined.")
        return 130
    write([rows[name] for name in known if name in rows], GUIDE, [name for name in known if name not in rows])
    return 0


def read(path: Path, known: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The rows of a file of results by the name of their model, without models that are no longer examined."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = {row["model"]: row for row in map(json.loads, lines)}
    return {name: rows[name] for name in known if name in rows}


def in_process(processes: Any, name: str, limit: float, work: Callable[..., None] = send_row) -> dict[str, Any]:
    """Examine a model in a process of its own.

    Args:
        processes: a context of `multiprocessing`.
        name: name of the model.
        limit: seconds after which the process is ended.
        work: called in the process with the name and the sending end of a pipe.

    Returns:
        What the process sends, or a row with a "failure".
    """
    receiver, sender = processes.Pipe(duplex=False)
    process = processes.Process(target=work, args=(name, sender), daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(limit):
            return {"failure": f"not done after {limit:.0f} seconds"}
        return receiver.recv()
    except EOFError:
        process.join()
        return {"failure": f"the process ended with status {process.exitcode}"}
    finally:
        process.kill()
        process.join()


def _write_results(rows: Iterable[dict[str, Any]]) -> None:
    """Replace the file of results at once."""
    unfinished = RESULTS.with_suffix(".part")
    unfinished.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    os.replace(unfinished, RESULTS)


if __name__ == "__main__":
    raise SystemExit(main())
