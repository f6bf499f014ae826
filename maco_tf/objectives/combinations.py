"""Combinations of objectives for which there is no operator: every pair of two batches, a series between two, and one
batch of several."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from maco_tf.checks import check_integer
from maco_tf.objectives.joint import JointTerm
from maco_tf.objectives.objective import Objective, Sum
from maco_tf.objectives.term import Term


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


def concatenate(objectives: Sequence[Objective]) -> Objective:
    """One batch of several objectives that differ in their numbers only, such as classes or channels of one layer.

    Args:
        objectives: list of objectives whose terms have the same `Term.structure`, one after the other.

    Returns:
        An `Objective` whose length is the sum of theirs.

    Raises:
        ValueError: there is none, or two of them differ in structure.
    """
    for objective in objectives:
        _check_objective("objectives", objective)
    if len({structure(objective) for objective in objectives}) != 1:
        received = ", ".join(map(repr, objectives[:3])) or "none"
        raise ValueError(f'"objectives" must be of the same kind and read the same layers. Received: {received}.')
    terms = []
    for parts in zip(*(objective.terms for objective in objectives)):
        weights = [np.broadcast_to(weight, len(item)) for (weight, _), item in zip(parts, objectives)]
        repeated = [term.take(np.arange(len(item)) % len(term)) for (_, term), item in zip(parts, objectives)]
        terms.append((np.concatenate(weights), _joined(repeated)))
    plain = len(terms) == 1 and (terms[0][0] == 1).all() and len(terms[0][1]) == len(terms[0][0])
    return terms[0][1] if plain else Sum(terms)


def structure(objective: Objective) -> tuple[Any, ...]:
    """What a compiled step depends on besides the length; objectives with equal structures share one."""
    return tuple(term.structure() for _, term in objective.terms)


def _joined(terms: Sequence[Term]) -> Term:
    """One term of several that have the same structure."""
    if not terms[0].parameters:
        return terms[0]
    parameters = {name: np.concatenate([term.parameters[name] for term in terms]) for name in terms[0].parameters}
    joined = terms[0]._with_parameters(parameters)
    joined._names = tuple(name for term in terms for name in term.names)
    return joined


def _check_objective(name: str, value: Any) -> None:
    if not isinstance(value, Objective):
        raise ValueError(f'"{name}" must be an objective. Received: {value!r}.')
