"""Distributions whose parameters may change over a run."""

import abc
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import is_number
from maco_tf.transforms.draws import integers, next_seed, normal, uniform
from maco_tf.transforms.schedule import Schedule, bounds, check_amount, check_schedule, evaluate
from maco_tf.transforms.serialization import FieldConfig


class Distribution(FieldConfig, abc.ABC):
    """A distribution of real numbers, from which a transform draws at every step."""

    @abc.abstractmethod
    def sample(
        self, shape: tuple[int, ...], seed: keras.random.SeedGenerator, step: int | tf.Tensor, steps: int
    ) -> tf.Tensor:
        """Draw independent values.

        Args:
            shape: shape of the result.
            seed: the generator of random numbers, which advances.
            step: integer or scalar integer tensor, from 0 to `steps - 1`.
            steps: length of the run.

        Returns:
            Tensor of this shape, float32.
        """


# A number, a range (low, high), values to choose from, a callable of the step, or a distribution: see `as_range`.
Range: TypeAlias = float | Sequence[float] | np.ndarray | Callable[[int], float] | Distribution


@keras.saving.register_keras_serializable(package="maco_tf")
@dataclasses.dataclass(frozen=True)
class Uniform(Distribution):
    """The uniform distribution between two schedules.

    Args:
        low: lower bound; a number or another schedule.
        high: upper bound; a number or another schedule.

    Raises:
        ValueError: an argument is not a schedule.
    """

    low: Schedule
    high: Schedule

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", check_schedule("low", self.low))
        object.__setattr__(self, "high", check_schedule("high", self.high))

    def sample(
        self, shape: tuple[int, ...], seed: keras.random.SeedGenerator, step: int | tf.Tensor, steps: int
    ) -> tf.Tensor:
        low, high = evaluate(self.low, step, steps), evaluate(self.high, step, steps)
        return low + (high - low) * uniform(shape, next_seed(seed))


@keras.saving.register_keras_serializable(package="maco_tf")
@dataclasses.dataclass(frozen=True)
class Normal(Distribution):
    """The normal distribution around a schedule.

    Args:
        mean: a number or another schedule.
        std: standard deviation, not negative; a number or another schedule.

    Raises:
        ValueError: an argument is not a schedule, or `std` is negative.
    """

    mean: Schedule
    std: Schedule = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", check_schedule("mean", self.mean))
        object.__setattr__(self, "std", check_amount("std", self.std))

    def sample(
        self, shape: tuple[int, ...], seed: keras.random.SeedGenerator, step: int | tf.Tensor, steps: int
    ) -> tf.Tensor:
        mean, std = evaluate(self.mean, step, steps), evaluate(self.std, step, steps)
        return mean + std * normal(shape, next_seed(seed))


@keras.saving.register_keras_serializable(package="maco_tf")
@dataclasses.dataclass(frozen=True)
class Choice(Distribution):
    """A choice between equally likely values; a value that is listed twice is twice as likely.

    Args:
        values: sequence of finite numbers.

    Raises:
        ValueError: `values` is empty, or holds something other than finite numbers.
    """

    values: Sequence[float] | np.ndarray

    def __post_init__(self) -> None:
        values = _numbers(self.values)
        if values is None:
            raise ValueError(f'"values" must be a sequence of finite numbers. Received: {self.values!r}.')
        object.__setattr__(self, "values", values)

    def sample(
        self, shape: tuple[int, ...], seed: keras.random.SeedGenerator, step: int | tf.Tensor, steps: int
    ) -> tf.Tensor:
        index = integers(shape, next_seed(seed), len(self.values))
        return tf.gather(tf.constant(self.values, tf.float32), index)


def as_distribution(name: str, value: Distribution | Schedule) -> Distribution:
    """Read an argument that is a distribution or a schedule.

    Args:
        name: the argument's name, for the error.
        value: a `Uniform`, `Normal` or `Choice`, or another object with the method `sample`; or a schedule.

    Returns:
        The distribution. A schedule becomes a normal distribution without spread.

    Raises:
        ValueError: the argument is neither.
    """
    if hasattr(value, "sample"):
        return cast(Distribution, value)
    return Normal(check_schedule(name, value))


def as_range(name: str, value: Range) -> Distribution:
    """Read an argument for which two numbers are a range and other sequences are choices.

    Args:
        name: the argument's name, for the error.
        value: a pair `(low, high)`, for a uniform distribution between them; a sequence of one, three or more numbers,
            which are equally likely; a number or a callable of the step, for this value without spread; or a `Uniform`,
            `Normal` or `Choice`.

    Returns:
        The distribution.

    Raises:
        ValueError: the argument is none of these, or `low` is above `high`.
    """
    if hasattr(value, "sample") or callable(value) or is_number(value):
        return as_distribution(name, cast(Distribution | Schedule, value))
    values = _numbers(value)
    if values is None:
        raise ValueError(
            f'"{name}" must be a finite number, a pair (low, high), a sequence of numbers to choose from, a '
            f"distribution or a callable of the step. Received: {value!r}."
        )
    if len(values) != 2:
        return Choice(values)
    low, high = values
    if low > high:
        raise ValueError(
            f'"{name}" must be a pair (low, high) with low not above high. Received: {value!r}. For a range that '
            "changes over the run, use Uniform((first low, last low), (first high, last high))."
        )
    return Uniform(low, high)


def extremes(distribution: Distribution) -> list[tuple[float, float]]:
    """The ranges of a distribution's parameters, for checks.

    Args:
        distribution: a distribution; its spread, if it is normal, is left out.

    Returns:
        List of `(smallest, largest)`; empty if only the run will show the values.
    """
    found = [bounds(getattr(distribution, name)) for name in ("low", "high", "mean") if hasattr(distribution, name)]
    values = getattr(distribution, "values", None)
    return [pair for pair in found if pair is not None] + ([(min(values), max(values))] if values else [])


def _numbers(value: Any) -> tuple[float, ...] | None:
    """A sequence of finite numbers as floats; `None` for anything else."""
    values = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(values, tuple | list | range) or not values or not all(map(is_number, values)):
        return None
    return tuple(float(number) for number in values)
