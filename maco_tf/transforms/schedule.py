"""Values that change over a run."""

import math
import numbers

import numpy as np
import tensorflow as tf


def check_schedule(name, schedule):
    """Refuse what `evaluate` cannot read.

    Args:
        name: the argument's name, for the error.
        schedule: a number, `(start, end)`, a Keras learning-rate schedule, or a callable of the step.

    Raises:
        ValueError: it is none of these.
    """
    values = schedule if isinstance(schedule, tuple | list) and len(schedule) == 2 else [schedule]
    if callable(schedule) or all(
        isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value) for value in values
    ):
        return
    raise ValueError(
        f'"{name}" must be a finite number, a pair (start, end), a Keras schedule or a callable of the step. '
        f"Received: {schedule!r}."
    )


def evaluate(schedule, step, steps):
    """The value at one step.

    Args:
        schedule: a number; `(start, end)`, which goes linearly from the first step to the last; or a Keras schedule
            or other callable, which is given the step.
        step: integer or scalar integer tensor, 0 to steps - 1.
        steps: length of the run.

    Returns:
        A float32 scalar tensor.
    """
    if isinstance(schedule, tuple | list):
        start, end = schedule
        return start + (end - start) * tf.cast(step, tf.float32) / max(steps - 1, 1)
    if callable(schedule):
        # Called here for every step, outside of any graph, so that it may be any Python.
        with tf.init_scope():
            values = np.array([float(schedule(index)) for index in range(steps)], "float32")
        if not np.isfinite(values).all():
            raise ValueError(f"A schedule must give finite numbers. Received: {schedule!r}, which gives {values}.")
        return tf.gather(tf.constant(values), step)
    return tf.constant(schedule, tf.float32)


def check_amount(name, schedule):
    """Refuse a schedule that is none, or below zero where numbers say so.

    Args:
        name: the argument's name, for the error.
        schedule: see `check_schedule`.

    Raises:
        ValueError: it is no schedule, or negative.
    """
    check_schedule(name, schedule)
    extremes = bounds(schedule)
    if extremes and extremes[0] < 0:
        raise ValueError(f'"{name}" must not be negative. Received: {schedule!r}.')


def bounds(schedule):
    """The smallest and largest value of a schedule, or None where only running it would tell."""
    if isinstance(schedule, tuple | list):
        return min(schedule), max(schedule)
    return None if callable(schedule) else (schedule, schedule)
