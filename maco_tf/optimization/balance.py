"""Weights of priors from the gradients at the start of a run."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from maco_tf.objectives.term import Term
from maco_tf.optimization.scoring import ObjectiveTensors
from maco_tf.optimization.step import CompiledSteps


def balanced(
    compiled: CompiledSteps,
    objective: ObjectiveTensors,
    terms: Sequence[Term],
    seeds: Sequence[int],
    images: np.ndarray | None,
) -> ObjectiveTensors:
    """Scale the weights of the terms that have a `balance`, so that their gradients have that share of the others'.

    The gradient of the other terms, and of each balanced term, is that of a first step from the start of the run, with
    respect to the image, in the L1 norm. So the cost is a step for each balanced term and one more, and nothing is
    compiled for it. A term keeps its weight if it has no gradient at the start, or if all terms are balanced.

    Args:
        compiled: the `CompiledSteps`, which are not at a step of a run.
        objective: see `objective_tensors`.
        terms: the `Term`s of the objective.
        seeds: see `CompiledSteps.start`.
        images: see `CompiledSteps.start`.

    Returns:
        `ObjectiveTensors` with other weights.

    Source: Hamblin et al., 2024, "Feature Accentuation" (arXiv:2402.10039), balances a regulariser by the ratio of
    gradients at the start.
    """
    shares = np.array([np.nan if term.balance is None else term.balance for term in terms], "float32")
    priors = np.isfinite(shares)
    if not priors.any() or priors.all():
        return objective
    weights = objective.weights.numpy()

    def strength(chosen: np.ndarray) -> np.ndarray:
        """The gradient of some terms at weights of 1 or -1 for priors: array (batch,)."""
        tried = np.where(priors[:, None], np.sign(weights), weights) * chosen[:, None]
        state = compiled.start(seeds, images)
        state = compiled(state, ObjectiveTensors(tf.constant(tried, tf.float32), objective.parameters), 1)
        return state.transparency.numpy().sum(axis=(1, 2), dtype="float64")

    others = strength(~priors)
    for number in np.flatnonzero(priors):
        prior = strength(np.arange(len(terms)) == number)
        known = (others > 0) & (prior > 0) & np.isfinite(others) & np.isfinite(prior)
        weights[number] *= np.where(known, shares[number] * others / np.where(known, prior, 1), 1)
    return ObjectiveTensors(tf.constant(weights, tf.float32), objective.parameters)
