"""Schedules: numbers that may change over a run."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from maco_tf.checks import is_number

# A constant, a linear change (start, end), or a function of the step such as a Keras learning-rate schedule.
Schedule: TypeAlias = float | tuple[float, float] | list[float] | Callable[[int], float]


def check_schedule(name: str, schedule: Schedule) -> Schedule:
    """Check a schedule.

    Args:
        name: the argument's name, for the error.
        schedule: a number; `(start, end)`; a Keras learning-rate schedule; or another callable of the step.

    Returns:
        The schedule in plain Python: a `float`, a tuple of two, or the callable.

    Raises:
        ValueError: the argument is not a schedule.
    """
    if callable(schedule):
        return schedule
    if isinstance(schedule, tuple | list):
        if len(schedule) == 2 and all(map(is_number, schedule)):
            start, end = schedule
            return float(start), float(end)
    elif is_number(schedule):
        return float(schedule)
    raise ValueError(
        f'"{name}" must be a finite number, a pair (start, end), a Keras schedule or a callable of the step. '
        f"Received: {schedule!r}."
    )


def check_amount(name: str, schedule: Schedule) -> Schedule:
    """Check a schedule of values that are never negative.

    The values of a callable are unknown until the run, and are not checked.

    Args:
        name: the argument's name, for the error.
        schedule: see `check_schedule`.

    Returns:
        The schedule in plain Python.

    Raises:
        ValueError: the argument is not a schedule, or a value of it is negative.
    """
    schedule = check_schedule(name, schedule)
    limits = bounds(schedule)
    if limits and limits[0] < 0:
        raise ValueError(f'"{name}" must not be negative. Received: {schedule!r}.')
    return schedule


def bounds(schedule: Schedule) -> tuple[float, float] | None:
    """The range of a schedule's values.

    Args:
        schedule: see `check_schedule`.

    Returns:
        `(smallest, largest)`, or `None` for a callable, whose values are unknown until the run.
    """
    if callable(schedule):
        return None
    return (min(schedule), max(schedule)) if isinstance(schedule, tuple | list) else (schedule, schedule)


def evaluate(schedule: Schedule, step: int | tf.Tensor, steps: int) -> tf.Tensor:
    """The value of a schedule at one step.

    Args:
        schedule: a number; `(start, end)`, which changes linearly from the first step to the last; or a Keras schedule
            or another callable, which is called with the step.
        step: integer or scalar integer tensor, from 0 to `steps - 1`.
        steps: length of the run.

    Returns:
        Scalar tensor, float32.

    Raises:
        ValueError: a callable returns something other than finite numbers.
    """
    if callable(schedule):
        # All steps are evaluated here, outside of any graph, so that the callable may be any Python.
        with tf.init_scope():
            values = np.array([float(schedule(index)) for index in range(steps)], "float32")
        if not np.isfinite(values).all():
            raise ValueError(
                f"A schedule must return a finite number at every step. Received: {schedule!r}, which returns {values}."
            )
        return tf.gather(tf.constant(values), step)
    if isinstance(schedule, tuple | list):
        start, end = schedule
        return start + (end - start) * tf.cast(step, tf.float32) / max(steps - 1, 1)
    return tf.constant(schedule, tf.float32)
