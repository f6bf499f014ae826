"""Combinations of objectives that no operator writes."""

import numbers

import numpy as np

from maco_tf.objectives.joint import JointTerm
from maco_tf.objectives.objective import Objective


def product(first, second, *others):
    """Add every objective of one batch to every objective of another.

    Args:
        first: an `Objective` of length m.
        second: an `Objective` of length n.
        *others: more of them.

    Returns:
        An `Objective` of length m n ...: `first[0] + second[0]`, `first[0] + second[1]`, and so on.

    Raises:
        ValueError: an argument is no objective.
    """
    for name, value in (("first", first), ("second", second)):
        if not isinstance(value, Objective):
            raise ValueError(f'"{name}" must be an objective. Received: {value!r}.')
        if any(isinstance(term, JointTerm) for _, term in value.terms):
            raise ValueError(
                f'"{name}" must score each image by itself. Received: {value!r}, which compares the images of a batch. '
                "Add it to the product."
            )
    rows, columns = np.divmod(np.arange(len(first) * len(second)), len(second))
    combined = first.take(rows) + second.take(columns)
    return product(combined, *others) if others else combined


def interpolate(first, second, count=5):
    """A batch that goes from one objective to another in equal steps of their weights.

    Args:
        first: an `Objective` of length one, which the first image maximises alone.
        second: an `Objective` of length one, which the last image maximises alone.
        count: number of images, at least 2.

    Returns:
        An `Objective` of length `count`. Add `Alignment` to keep the series together.

    Raises:
        ValueError: an argument of another kind or length.

    Source: Lucid's `channel_interpolate`.
    """
    for name, value in (("first", first), ("second", second)):
        if not isinstance(value, Objective) or len(value) != 1:
            raise ValueError(f'"{name}" must be an objective of length one. Received: {value!r}.')
    if not isinstance(count, numbers.Integral) or isinstance(count, bool) or count < 2:
        raise ValueError(f'"count" must be an integer of at least 2. Received: {count!r}.')
    share = np.linspace(0.0, 1.0, count)
    return (1 - share) * first + share * second
