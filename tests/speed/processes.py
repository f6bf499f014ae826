"""The measurements in their order, each done by a process of its own: `python -m tests.speed.processes` is the child.

The child reads its tasks from standard input and prints a row of results after each. So peaks of memory do not mix, and
if the system ends a process because memory is short, the rows before it are kept.
"""

import dataclasses
import json
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.speed.settings import BARE, BASELINE, OURS, XPLIQUE, Settings

_ROOT = Path(__file__).parents[2]

# Marks the rows among everything else that the child prints.
ROW = "row "

Task = dict[str, Any]
Row = dict[str, Any]


def orders(settings: Settings) -> Iterator[tuple[str, list[Task]]]:
    """List the tasks of every process.

    Args:
        settings: a `Settings`.

    Yields:
        Pairs of a network's name and the tasks of one process, dictionaries of "measure" and its arguments.
    """
    first_two = settings.networks[:2]
    yield settings.networks[0], [{"measure": "machine"}]
    for network in settings.networks:
        fewest = settings.crops[0]
        tasks: list[Task] = [{"measure": "steps", "crops": fewest}, {"measure": "startup", "crops": fewest}]
        if network in first_two:
            tasks.append({"measure": "many", "crops": settings.many_crops, "count": settings.many})
        yield network, tasks + [{"measure": "steps", "crops": crops} for crops in settings.crops[1:]]
        for method in (BASELINE, BARE, OURS, XPLIQUE):
            yield network, [{"measure": "memory", "crops": settings.memory_crops, "method": method}]
        if network in first_two:
            few, lots = settings.split
            memory: Task = {"measure": "memory", "crops": few, "method": OURS}
            yield network, [{**memory, "arguments": {"max_batch_size": None}}]
            yield network, [memory]
            yield network, [{**memory, "crops": lots}]


def rows(
    network: str,
    tasks: Sequence[Task],
    settings: Settings,
    *,
    command: Sequence[str] = (sys.executable, "-m", "tests.speed.processes"),
) -> Iterator[Row]:
    """Do tasks in a child process. Every task gets one row, even if the process dies.

    Args:
        network: name.
        tasks: see `orders`.
        settings: a `Settings`.
        command: the command of the child process.

    Yields:
        Dictionaries, as soon as they are measured: the task, "network", and the result or a "failure".
    """
    tasks = list(tasks)
    while tasks:
        done, ending = yield from _process(command, network, tasks, settings)
        tasks = tasks[done:]
        if tasks:
            # The process died during this task. Another process does those after it.
            yield {**tasks.pop(0), "network": network, "failure": ending}


def _process(
    command: Sequence[str], network: str, tasks: Sequence[Task], settings: Settings
) -> Generator[Row, None, tuple[int, str]]:
    """Yield the rows of one process; return their number, and a description of how the process ended."""
    order = json.dumps({"network": network, "tasks": tasks, "settings": dataclasses.asdict(settings)})
    done = 0
    # Warnings and progress bars go to a file, which is read only if the process fails.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=_ROOT
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(order)
            process.stdin.close()
            for line in process.stdout:
                if line.startswith(ROW):
                    done += 1
                    yield json.loads(line[len(ROW) :])
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()
            process.stdout.close()
        errors.seek(0)
        return done, _ending(process.returncode, errors.read())


def _ending(status: int, errors: str) -> str:
    if status < 0:
        cause = ", usually because memory is short" if status == -9 else ""
        return f"the process was ended by signal {-status}{cause}"
    last = next((line for line in reversed(errors.splitlines()) if line.strip()), "")
    return f"the process ended with status {status}: {last[:160]}".removesuffix(": ")


def main() -> None:
    """Do the tasks on standard input, as the child."""
    order = json.load(sys.stdin)
    settings = Settings(**order["settings"])
    # Imported here, because the parent imports this file too and must stay small: on Linux, the peak of memory that a
    # process reports begins at that of its parent.
    from tests.speed.measures import Measures, machine, reason

    measures = None
    for task in order["tasks"]:
        name, arguments = task["measure"], {key: value for key, value in task.items() if key != "measure"}
        try:
            if name == "machine":
                found = machine()
            else:
                measures = measures or Measures(order["network"], settings)
                found = getattr(measures, name)(**arguments)
        except Exception as error:
            found = {"failure": reason(error)}
        print(ROW + json.dumps({**task, "network": order["network"], **found}), flush=True)


if __name__ == "__main__":
    main()
