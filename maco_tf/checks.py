"""The validators of arguments: one message each, with the name of the argument that the user wrote.

Each returns the value in its plain Python or NumPy form, so that NumPy's numbers and flags are accepted everywhere.
"""

import math
import numbers
import sys
import warnings
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

_T = TypeVar("_T")

# The packages between a warning and the user's code.
_INNER = ("maco_tf", "tensorflow", "keras", "contextlib", "concurrent", "threading")

# Rounding may carry a value of 0 or 1 this far outside the range of images.
_MARGIN = 1e-3


def check_integer(name: str, value: Any, least: int | None = None, most: int | None = None) -> int:
    """An integer, of Python or of NumPy.

    Args:
        name: the argument's name, for the error.
        value: the argument.
        least: the smallest integer allowed; `None` sets no limit.
        most: the largest integer allowed; `None` sets no limit.

    Returns:
        The value as an `int`.

    Raises:
        ValueError: the value is not an integer, or lies outside the limits.
    """
    integral = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not integral or (least is not None and value < least) or (most is not None and value > most):
        limits = "" if least is None else f" of at least {least}"
        if most is not None:
            limits = f" of at most {most}" if least is None else f" from {least} to {most}"
        raise ValueError(f'"{name}" must be an integer{limits}. Received: {value!r}.')
    return int(value)


def is_number(value: Any) -> bool:
    """Whether a value is a finite real number, of Python or of NumPy; flags are not numbers."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool | np.bool_):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # An integer that no float can hold.
        return False


def check_number(
    name: str, value: Any, *, least: float | None = None, above: float | None = None, most: float | None = None
) -> float:
    """A finite real number, of Python or of NumPy.

    Args:
        name: the argument's name, for the error.
        value: the argument.
        least: the smallest number allowed.
        above: a bound that the number must exceed.
        most: the largest number allowed.

    Returns:
        The value as a `float`.

    Raises:
        ValueError: the value is not a finite number, or lies outside the limits.
    """
    inside = (
        is_number(value)
        and (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
    )
    if not inside:
        limits = [
            text.format(bound)
            for text, bound in (("of at least {:g}", least), ("above {:g}", above), ("of at most {:g}", most))
            if bound is not None
        ]
        bounds = f" {' and '.join(limits)}" if limits else ""
        raise ValueError(f'"{name}" must be a finite number{bounds}. Received: {value!r}.')
    return float(value)


def check_flag(name: str, value: Any) -> bool:
    """A flag, of Python or of NumPy.

    Args:
        name: the argument's name, for the error.
        value: the argument.

    Returns:
        The value as a `bool`.

    Raises:
        ValueError: the value is neither True nor False; 0 and 1 are refused as well.
    """
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f'"{name}" must be True or False. Received: {value!r}.')
    return bool(value)


def check_choice(name: str, value: _T, choices: Iterable[Any]) -> _T:
    """One of some values.

    Args:
        name: the argument's name, for the error.
        value: the argument.
        choices: the values allowed, strings or `None`.

    Returns:
        The value.

    Raises:
        ValueError: the value is none of them.
    """
    choices = list(choices)
    # A dtype or an array may be "equal" to a string, but it is none.
    if not any(value is choice or (type(value) is type(choice) and value == choice) for choice in choices):
        raise ValueError(f'"{name}" must be one of {", ".join(map(repr, choices))}. Received: {value!r}.')
    return value


def check_shard(shard: Any) -> tuple[int, int]:
    """The argument "shard": one of equal parts of some work.

    Args:
        shard: `(number, count)`, with numbers from 0.

    Returns:
        The argument, as Python integers.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(shard, tuple | list) or len(shard) != 2:
        raise ValueError(f'"shard" must be (number, count), such as (0, 4). Received: {shard!r}.')
    count = check_integer("shard", shard[1], 1)
    return check_integer("shard", shard[0], 0, count - 1), count


def check_size(name: str, value: Any) -> tuple[int, int]:
    """A size in pixels: one number for both axes, or a pair.

    Args:
        name: the argument's name, for the error.
        value: an integer of at least 1, or `(height, width)`.

    Returns:
        `(height, width)`.

    Raises:
        ValueError: the value is neither.
    """
    pair = value if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2:
        raise ValueError(f'"{name}" must be a number of pixels or (height, width). Received: {value!r}.')
    return check_integer(name, pair[0], 1), check_integer(name, pair[1], 1)


def check_shape(name: str, value: Any) -> tuple[int, int, int]:
    """The shape of an image.

    Args:
        name: the argument's name, for the error.
        value: three integers of at least 1.

    Returns:
        `(height, width, channels)`.

    Raises:
        ValueError: the value is something else.
    """
    parts = list(value) if isinstance(value, tuple | list | np.ndarray) else []
    whole = all(isinstance(part, int | np.integer) and not isinstance(part, bool) and part >= 1 for part in parts)
    if len(parts) != 3 or not whole:
        raise ValueError(f'"{name}" must be (height, width, channels), integers of at least 1. Received: {value!r}.')
    return int(parts[0]), int(parts[1]), int(parts[2])


def unit_range(name: str, images: Any) -> np.ndarray:
    """Images of any shape in the range [0, 1]. This is the one place that decides what a pixel's value means.

    Args:
        name: the argument's name, for the error.
        images: array or tensor. Integers of any dtype count from 0 to 255, and floating-point values lie in [0, 1].

    Returns:
        Array of the same shape, float32 in [0, 1].

    Raises:
        ValueError: the array holds something other than numbers, or values outside the range.
    """
    try:
        images = np.asarray(images)
        whole = images.dtype.kind in "iu"
        # TensorFlow's bfloat16 has the kind "V" in NumPy.
        if not whole and images.dtype.kind not in "fV":
            raise TypeError(f"an array of dtype {images.dtype}")
        images = images.astype("float32")
    except (TypeError, ValueError) as error:
        received = str(error).rstrip(".")
        raise ValueError(f'"{name}" must hold images of one size as numbers. Received: {received}.') from error
    largest = 255.0 if whole else 1.0
    low, high = (images.min(), images.max()) if images.size else (0.0, 0.0)
    # A NaN fails both comparisons.
    if not (low >= -_MARGIN * largest and high <= (1 + _MARGIN) * largest):
        raise ValueError(
            f'"{name}" must lie in [0, {largest:g}]: integers in [0, 255], floating-point values in [0, 1]. Received: '
            f"values from {low:g} to {high:g}."
        )
    return np.clip(images / np.float32(largest), 0.0, 1.0)


def settled(value: _T | None) -> _T:
    """The value of a setting that a recipe has filled in.

    Args:
        value: a setting of a resolved visualizer.

    Raises:
        RuntimeError: the setting is `None`, because the visualizer is not resolved.
    """
    if value is None:
        raise RuntimeError("A setting is None before the recipe fills it in. Call this on visualizer.resolved.")
    return value


def warn_user(message: str) -> None:
    """Warn at the line of the user's code that called into the package.

    Args:
        message: the text.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in _INNER:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
