"""Between two objectives."""

import numbers

import numpy as np

from maco_tf.objectives.objective import Objective


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
