"""What a run accumulates from step to step, besides the image."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf


class State(NamedTuple):
    """A nest of tensors that the compiled function maps to the next one.

    Attributes:
        step: int32 scalar, steps done.
        seeds: list of uint32 tensors (2,), one for each random transform.
        transparency: float32 (batch, height, width), accumulated |dscore/dimage|, mean over channels.
        history: float32 (steps, batch), the score of each step; zero where not reached yet.
    """

    step: tf.Tensor
    seeds: list
    transparency: tf.Tensor
    history: tf.Tensor


def initial_state(parametrization, generators, steps, seed):
    """The state before the first step: a function of its arguments only.

    Args:
        parametrization: a `Parametrization`.
        generators: number of random transforms.
        steps: length of the run.
        seed: integer.

    Returns:
        A `State`.
    """
    batch, height, width = parametrization.batch_size, parametrization.height, parametrization.width
    seeds = [np.random.SeedSequence([seed, index]).generate_state(2) for index in range(generators)]
    return State(
        step=tf.constant(0),
        seeds=[tf.constant(values, tf.uint32) for values in seeds],
        transparency=tf.zeros((batch, height, width)),
        history=tf.zeros((steps, batch)),
    )
