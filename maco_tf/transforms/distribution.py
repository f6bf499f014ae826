"""Distributions whose parameters may change over a run."""

import dataclasses
import math
import numbers
from typing import Any

import numpy as np
import tensorflow as tf

from maco_tf.transforms.draws import integers, next_seed, normal, uniform
from maco_tf.transforms.schedule import bounds, check_amount, check_schedule, evaluate


@dataclasses.dataclass(frozen=True)
class Uniform:
    """Uniform between two schedules.

    Args:
        low: lower bound; a number or any other schedule.
        high: upper bound; likewise.
    """

    low: Any
    high: Any

    def __post_init__(self):
        check_schedule("low", self.low)
        check_schedule("high", self.high)

    def sample(self, shape, seed, step, steps):
        """Draw values: a float32 tensor of the shape given, at `step` of `steps`, by a Keras `SeedGenerator`."""
        low, high = evaluate(self.low, step, steps), evaluate(self.high, step, steps)
        return low + (high - low) * uniform(shape, next_seed(seed))


@dataclasses.dataclass(frozen=True)
class Normal:
    """Normal around a schedule.

    Args:
        mean: a number or any other schedule.
        std: standard deviation; likewise, not negative.
    """

    mean: Any
    std: Any = 0.0

    def __post_init__(self):
        check_schedule("mean", self.mean)
        check_amount("std", self.std)

    def sample(self, shape, seed, step, steps):
        """Draw values: a float32 tensor of the shape given, at `step` of `steps`, by a Keras `SeedGenerator`."""
        mean, std = evaluate(self.mean, step, steps), evaluate(self.std, step, steps)
        return mean + std * normal(shape, next_seed(seed))


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of some values, each equally likely; a value given twice is twice as likely.

    Args:
        values: sequence of finite numbers.
    """

    values: Any

    def __post_init__(self):
        values = self.values.tolist() if isinstance(self.values, np.ndarray) else self.values
        if not isinstance(values, tuple | list | range) or not values or not all(map(_is_finite_number, values)):
            raise ValueError(f'"values" must be a sequence of finite numbers. Received: {self.values!r}.')
        object.__setattr__(self, "values", tuple(float(value) for value in values))

    def sample(self, shape, seed, step, steps):
        """Draw values: a float32 tensor of the shape given; `step` and `steps` change nothing."""
        index = integers(shape, next_seed(seed), len(self.values))
        return tf.gather(tf.constant(self.values, tf.float32), index)


def as_distribution(name, value):
    """A distribution as it is; a schedule as that value without spread.

    Args:
        name: the argument's name, for the error.
        value: a `Uniform`, a `Normal`, or a schedule.

    Returns:
        An object with `sample(shape, seed, step, steps)`.
    """
    if hasattr(value, "sample"):
        return value
    check_schedule(name, value)
    return Normal(value)


def as_range(name, value):
    """A distribution as it is; two numbers as what lies between them; more numbers as a choice.

    Args:
        name: the argument's name, for the error.
        value: a `Uniform`, `Normal` or `Choice`; a pair `(low, high)`; a sequence of one, three or more numbers; or a
            number or a callable of the step, which is that value without spread.

    Returns:
        An object with `sample(shape, seed, step, steps)`.

    Raises:
        ValueError: it is none of these, or `low` is above `high`.
    """
    if hasattr(value, "sample") or callable(value) or _is_finite_number(value):
        return as_distribution(name, value)
    values = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(values, tuple | list | range) or not values or not all(map(_is_finite_number, values)):
        raise ValueError(
            f'"{name}" must be a finite number, a pair (low, high), a sequence of numbers to choose from, a '
            f"distribution or a callable of the step. Received: {value!r}."
        )
    if len(values) != 2:
        return Choice(values)
    low, high = map(float, values)
    if low > high:
        raise ValueError(
            f'"{name}" must be a pair (low, high) with low not above high. Received: {value!r}. For values that change '
            "over the run give Uniform((low, low at the end), (high, high at the end))."
        )
    return Uniform(low, high)


def extremes(distribution):
    """The bounds of a distribution's parameters: a list of pairs (smallest, largest), empty where nothing tells."""
    found = [bounds(getattr(distribution, name)) for name in ("low", "high", "mean") if hasattr(distribution, name)]
    values = getattr(distribution, "values", None)
    return [pair for pair in found if pair is not None] + ([(min(values), max(values))] if values else [])


def _is_finite_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
