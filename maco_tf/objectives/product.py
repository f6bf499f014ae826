"""Every combination of two objectives."""

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
