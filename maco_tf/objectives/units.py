"""Unit numbers: channels, neurons, classes and concepts, read and checked."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from maco_tf.checks import check_integer

_MOST = np.iinfo("int32").max

#: One unit, or a batch of them.
Units = int | Sequence[int] | np.ndarray


def as_units(name: str, units: Any) -> np.ndarray:
    """Read one unit number, or a sequence of them, as an array.

    Args:
        name: the argument's name, for the error.
        units: an integer of at least 0, or a sequence of such integers.

    Returns:
        Array (batch,), int32.

    Raises:
        ValueError: a value is not an integer or is negative, or the sequence is empty.
    """
    values = list(units) if np.iterable(units) and not isinstance(units, str) else [units]
    try:
        numbers = [check_integer(name, value, 0, _MOST) for value in values]
    except ValueError:
        numbers = []
    if not numbers:
        raise ValueError(
            f'"{name}" must be an integer of at least 0, or a sequence of such integers. Received: {units!r}. '
            "A negative number does not count from the end."
        )
    return np.array(numbers, "int32")


def check_units(name: str, units: np.ndarray, count: int | None, layer: str) -> None:
    """Check that a layer has the units.

    Args:
        name: the argument's name, for the error.
        units: array of integers.
        count: the number of units in the layer; `None` if it is unknown, and then nothing is checked.
        layer: the layer in words, for the error.

    Raises:
        ValueError: a unit is `count` or more.
    """
    if count is not None and units.max() >= count:
        raise ValueError(f'"{name}" must lie in 0..{count - 1}: {layer} has {count}. Received: {int(units.max())}.')
