"""Measures in a process of their own: settings and tasks come by standard input, a row goes out with each one done.

So the peaks of memory do not mix, and where the system ends a process for want of memory, the rows before are kept.
"""

import json
import sys

from tests.speed.settings import Settings

# Marks the rows among whatever else is printed.
ROW = "row "


def main():
    """Do what standard input says."""
    order = json.load(sys.stdin)
    settings = Settings(**order["settings"])
    # Here and not above: the parent imports this file too, and must stay small. On Linux the peak of memory that a
    # process reports begins at its parent's.
    from tests.speed.machine import machine
    from tests.speed.measures import Measures, reason

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
