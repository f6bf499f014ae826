"""Values that change over a run."""

import numbers

import tensorflow as tf


def check_schedule(name, schedule):
    """Refuse what `evaluate` cannot read.

    Args:
        name: the argument's name, for the error.
        schedule: a number, `(start, end)`, a Keras learning-rate schedule, or a callable of the step.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(schedule, numbers.Real) and not isinstance(schedule, bool):
        return
    if isinstance(schedule, tuple | list) and len(schedule) == 2:
        if all(isinstance(value, numbers.Real) for value in schedule):
            return
    elif callable(schedule):
        return
    raise ValueError(
        f'"{name}" must be a number, a pair (start, end), a Keras schedule or a callable of the step. '
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
    step = tf.cast(step, tf.float32)
    if isinstance(schedule, tuple | list):
        start, end = schedule
        return start + (end - start) * step / max(steps - 1, 1)
    if callable(schedule):
        schedule = schedule(step)
    return tf.cast(schedule, tf.float32)


def bounds(schedule):
    """The smallest and largest value of a schedule, or None where only running it would tell."""
    if isinstance(schedule, tuple | list):
        return min(schedule), max(schedule)
    return None if callable(schedule) else (schedule, schedule)
