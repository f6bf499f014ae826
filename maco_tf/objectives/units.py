"""Batches of unit numbers, read and checked."""

import numbers

import numpy as np


def as_units(name, units):
    """One number or a sequence of numbers as an array.

    Args:
        name: the argument's name, for the error.
        units: an integer or a sequence of integers.

    Returns:
        Array (batch,), int32.

    Raises:
        ValueError: something else, an empty sequence, or a negative number.
    """
    values = [units] if isinstance(units, numbers.Integral) else list(units) if np.iterable(units) else [units]
    integral = all(isinstance(value, numbers.Integral) and not isinstance(value, bool) for value in values)
    if not values or isinstance(units, str) or not integral or min(values) < 0 or max(values) >= 2**31:
        raise ValueError(
            f'"{name}" must be an integer from 0, or a sequence of such. Received: {units!r}. '
            "Units count from the front: -1 is not the last."
        )
    return np.array(values, "int32")


def check_units(what, units, count, layer):
    """Refuse units that a layer does not have.

    Args:
        what: "channel", "class", ... for the error.
        units: array of integers.
        count: how many there are; `None` where unknown.
        layer: where, for the error.

    Raises:
        ValueError: a unit is `count` or more.
    """
    if count is not None and units.max() >= count:
        raise ValueError(f'"{what}" must lie in 0..{count - 1}: {layer} has {count}. Received: {int(units.max())}.')
