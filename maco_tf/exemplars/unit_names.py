"""Units by their names."""

import difflib
import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from maco_tf.objectives.objective import Objective


def unit_positions(names: Sequence[str], index: Any) -> np.ndarray:
    """The positions of units in a list of names.

    Args:
        names: the names of all units.
        index: the name of a unit, such as "conv:3"; the name of a layer, for all its units; an objective, for the units
            of its names; or anything that indexes an array.

    Returns:
        Array of integers.

    Raises:
        IndexError: no unit has the name.
    """
    if not isinstance(index, str | Objective):
        return np.atleast_1d(np.arange(len(names))[index])
    positions: list[int] = []
    for name in [index] if isinstance(index, str) else index.names:
        matches = [unit for unit, other in enumerate(names) if other == name]
        if not matches and isinstance(index, str):
            matches = [unit for unit, other in enumerate(names) if other.rpartition(":")[0] == name]
        if not matches:
            near = difflib.get_close_matches(name, names, n=3) or names[:3]
            raise IndexError(f"No unit is called {name!r}. Units are called {reprlib.repr(list(near))[1:-1]}.")
        positions += matches if isinstance(index, str) else matches[:1]
    return np.array(positions)
