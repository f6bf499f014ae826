"""Combinations of objectives for which there is no operator: every pair of two batches, and a series between two."""

from typing import Any

import numpy as np

from maco_tf.checks import check_integer
from maco_tf.objectives.joint import JointTerm
from maco_tf.objectives.objective import Objective


def product(first: Objective, second: Objective, *others: Objective) -> Objective:
    """Add every objective of one batch to every objective of another.

    Args:
        first: an `Objective` of length m.
        second: an `Objective` of length n.
        *others: more objectives.

    Returns:
        An `Objective` of length m x n x ...: `first[0] + second[0]`, `first[0] + second[1]`, and so on.

    Raises:
        ValueError: an argument is not an objective, or compares the images of a batch.
    """
    for name, value in (("first", first), ("second", second)):
        _check_objective(name, value)
        if any(isinstance(term, JointTerm) for _, term in value.terms):
            raise ValueError(
                f'"{name}" must score each image independently of the others. Received: {value!r}, which compares the '
                "images of a batch. Add it to the product instead."
            )
    rows, columns = np.divmod(np.arange(len(first) * len(second)), len(second))
    combined = first.take(rows) + second.take(columns)
    return product(combined, *others) if others else combined


def interpolate(first: Objective, second: Objective, count: int = 5) -> Objective:
    """A series of objectives that changes from one to another, in equal steps of their weights.

    Args:
        first: an `Objective` of length one; the first image maximises nothing else.
        second: an `Objective` of length one; the last image maximises nothing else.
        count: number of images, at least 2.

    Returns:
        An `Objective` of length `count`. Add `Alignment` to keep neighbouring images alike.

    Raises:
        ValueError: an argument is not an objective, or has another length.

    Source: Lucid's `channel_interpolate`.
    """
    for name, value in (("first", first), ("second", second)):
        _check_objective(name, value)
        if len(value) != 1:
            raise ValueError(f'"{name}" must be an objective of length one. Received: {value!r}.')
    share = np.linspace(0.0, 1.0, check_integer("count", count, 2))
    return (1 - share) * first + share * second


def _check_objective(name: str, value: Any) -> None:
    if not isinstance(value, Objective):
        raise ValueError(f'"{name}" must be an objective. Received: {value!r}.')
