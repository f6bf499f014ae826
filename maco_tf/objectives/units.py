"""Unit numbers: channels, neurons, classes and concepts, read and checked."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_integer

_MOST = np.iinfo("int32").max

#: One unit, or a batch of them. Tensors and Keras variables are read as arrays.
Units = int | Sequence[int] | np.ndarray


def plain(units: Any) -> Any:
    """Tensors, variables and arrays, also of no axis, as Python's numbers and lists.

    Args:
        units: an argument of any type; a list or tuple is read entry by entry, and other types are returned unchanged.
    """
    if type(units) in (list, tuple):
        return type(units)(plain(unit) for unit in units)
    if isinstance(units, np.ndarray | tf.Tensor | tf.Variable | keras.Variable):
        try:
            return np.asarray(units).tolist()
        except NotImplementedError:  # A symbolic tensor has no value yet.
            return units
    return units


def as_units(name: str, units: Any) -> np.ndarray:
    """Read one unit number, or a sequence of them, as an array.

    Args:
        name: the argument's name, for the error.
        units: an integer of at least 0, or a sequence of such integers; also as an array, tensor or variable.

    Returns:
        Array (batch,), int32.

    Raises:
        ValueError: a value is not an integer or is negative, or the sequence is empty.
    """
    values = plain(units)
    values = list(values) if isinstance(values, Iterable) and not isinstance(values, str | tf.Tensor) else [values]
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
