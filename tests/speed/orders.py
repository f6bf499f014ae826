"""What there is to measure, in the order in which it is, and the child processes that do it."""

import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.speed.cases import OURS
from tests.speed.child import ROW

_ROOT = Path(__file__).parents[2]


def orders(settings):
    """What each process is to do. Peaks of memory do not mix: each has a process of its own.

    Args:
        settings: a `Settings`.

    Yields:
        Pairs of a network's name and a list of tasks: dictionaries of "measure" and its arguments.
    """
    many = settings.networks[:2]
    yield settings.networks[0], [{"measure": "machine"}]
    for network in settings.networks:
        fewest = settings.crops[0]
        tasks = [{"measure": "steps", "crops": fewest}, {"measure": "startup", "crops": fewest}]
        if network in many:
            tasks.append({"measure": "many", "crops": settings.many_crops, "count": settings.many})
        yield network, tasks + [{"measure": "steps", "crops": crops} for crops in settings.crops[1:]]
        for method in ("baseline", "bare network", OURS, "xplique"):
            yield network, [{"measure": "memory", "crops": settings.memory_crops, "method": method}]
        if network in many:
            few, lots = settings.split
            whole = {"measure": "memory", "crops": few, "method": OURS}
            yield network, [{**whole, "arguments": {"max_batch_size": None}}]
            yield network, [whole]
            yield network, [{**whole, "crops": lots}]


def rows(network, tasks, settings, *, command=(sys.executable, "-m", "tests.speed.child")):
    """Have tasks done, each answered by one row, whatever becomes of the process that does them.

    Args:
        network: name.
        tasks: see `orders`.
        settings: a `Settings`.
        command: of the process.

    Yields:
        Dictionaries: the task, "network", and what was measured or a "failure", as they are done.
    """
    tasks = list(tasks)
    while tasks:
        done, ended = yield from _process(command, network, tasks, settings)
        tasks = tasks[done:]
        if tasks:
            # It ended in the midst of this one; another process goes on with those after it.
            yield {**tasks.pop(0), "network": network, "failure": ended}


def _process(command, network, tasks, settings):
    """Yield the rows of one process; return their number, and how it ended in words."""
    order = json.dumps({"network": network, "tasks": tasks, "settings": dataclasses.asdict(settings)})
    done = 0
    # Warnings and progress bars are of interest only where it fails.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=_ROOT
        )
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
        return done, _ended(process.returncode, errors.read())


def _ended(status, errors):
    if status < 0:
        cause = ", as a rule for want of memory" if status == -9 else ""
        return f"the process was ended by signal {-status}{cause}"
    last = next((line for line in reversed(errors.splitlines()) if line.strip()), "")
    return f"the process ended with status {status}: {last[:160]}".removesuffix(": ")
