"""Distributions whose parameters may change over a run."""

import dataclasses
from typing import Any

import keras

from maco_tf.transforms.schedule import check_amount, check_schedule, evaluate


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
        """Draw values: a float32 tensor of the shape given, at `step` of `steps`."""
        low, high = evaluate(self.low, step, steps), evaluate(self.high, step, steps)
        return low + (high - low) * keras.random.uniform(shape, dtype="float32", seed=seed)


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
        """Draw values: a float32 tensor of the shape given, at `step` of `steps`."""
        mean, std = evaluate(self.mean, step, steps), evaluate(self.std, step, steps)
        return mean + std * keras.random.normal(shape, dtype="float32", seed=seed)


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
