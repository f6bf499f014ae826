"""Pairs of natural images, one that activates a unit strongly and one that does so weakly: the queries of a test."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from maco_tf.checks import check_integer, check_number

# The queries come from the lowest and the highest tenth of the images.
QUANTILES = (0.1, 0.9)


class QueryPairs(NamedTuple):
    """The queries of `two_alternative`.

    Attributes:
        high: array (units, pairs), int64: the images that activate each unit strongly; -1 where there is no pair.
        low: array (units, pairs), int64: the images that activate it weakly; -1 in the same places.
    """

    high: np.ndarray
    low: np.ndarray


def draw_pairs(
    values: ArrayLike,
    *,
    pairs: int = 20,
    quantiles: Sequence[float] = QUANTILES,
    indices: ArrayLike | None = None,
    exclude: ArrayLike | None = None,
    seed: int = 0,
) -> QueryPairs:
    """Draw pairs of query images for each unit.

    The images of a unit are ordered by their values. The strong queries are drawn at random among those above the upper
    quantile, the weak ones among those below the lower quantile, and none is drawn twice for one unit. The gap between
    the quantiles is the difficulty of the test: at (0, 1), the queries are the extremes; at (0.45, 0.55), they hardly
    differ. The pairs of a unit depend on its values and the seed, not on the other units.

    A unit that has the same value on most images, such as 0, may lack images above the lower quantile's value: it then
    has fewer pairs, and a dead unit has none.

    Args:
        values: array (units, images): how strongly each image activates each unit, such as `sample_values` of
            `Exemplars`. An image whose value is NaN is not drawn.
        pairs: the number of pairs for each unit, at least 1.
        quantiles: the lower and the upper quantile, in [0, 1]. If fewer than `pairs` images lie below or above, the
            next ones join them.
        indices: array (images,) of integers: the indices of the images, such as `sample_indices`; `None` counts them
            from 0.
        exclude: array (units, n) of indices that are not drawn: the images that explain the unit, such as `indices` of
            `Exemplars`. Indices that do not occur have no effect.
        seed: integer of at least 0.

    Returns:
        A `QueryPairs` of entries of `indices`, which unpacks into `high, low`.

    Raises:
        ValueError: the shapes do not fit, a value is infinite, or there are too few images for the number of pairs.
    """
    values = np.asarray(values)
    if values.ndim != 2 or 0 in values.shape or values.dtype.kind not in "fiu" or np.isinf(values).any():
        raise ValueError(
            '"values" must be an array (units, images) of numbers, not infinite. Received: shape '
            f"{values.shape}, {values.dtype}."
        )
    count, seed = check_integer("pairs", pairs, 1), check_integer("seed", seed, 0)
    if len(quantiles) != 2:
        raise ValueError(f'"quantiles" must be two numbers. Received: {quantiles!r}.')
    lower = check_number("quantiles", quantiles[0], least=0, most=1)
    upper = check_number("quantiles", quantiles[1], above=lower, most=1)
    names = _as_indices("indices", np.arange(values.shape[1]) if indices is None else indices, values.shape[1:])
    excluded = np.zeros(values.shape, bool)
    if exclude is not None:
        rows = np.asarray(exclude)
        rows = _as_indices("exclude", rows, (len(values), rows.shape[-1] if rows.ndim else 0))
        excluded = np.stack([np.isin(names, row) for row in rows])
    result = np.full((2, len(values), count), -1, "int64")
    for unit, (row, out) in enumerate(zip(values, excluded, strict=True)):
        chosen = _draw(row, ~out & ~np.isnan(row), count, (lower, upper), np.random.default_rng(seed))
        result[:, unit, : chosen.shape[1]] = names[chosen]
    return QueryPairs(*result)


def _draw(
    values: np.ndarray, allowed: np.ndarray, count: int, quantiles: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """The positions of strong and weak queries, (2, at most count)."""
    # Equal values come in random order, not in that of the images.
    shuffled = rng.permutation(len(values))
    shuffled = shuffled[allowed[shuffled]]
    order = shuffled[np.argsort(values[shuffled], kind="stable")]
    weak = max(count, round(quantiles[0] * len(order)))
    strong = max(count, round((1 - quantiles[1]) * len(order)))
    if weak + strong > len(order):
        raise ValueError(
            f'"pairs" must leave two images for each pair. Received: {count} pairs, the quantiles {quantiles} and '
            f"{len(order)} images that may be drawn. Use fewer pairs or more images."
        )
    low, high = order[:weak], order[len(order) - strong :]
    high = high[values[high] > values[low].max()]
    found = min(count, len(high))
    return np.stack([rng.permutation(high)[:found], rng.permutation(low)[:found]])


def _as_indices(argument: str, indices: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(indices)
    if array.shape != shape or array.dtype.kind not in "iu":
        raise ValueError(
            f'"{argument}" must be integers of shape {shape}. Received: shape {array.shape}, {array.dtype}.'
        )
    return array.astype("int64")
