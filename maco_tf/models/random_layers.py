"""The random numbers of a model's layers: drawn from the seed of a run, without changing the model."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from maco_tf.models.tracing import current_graph, exchanged, is_traced_into


@contextlib.contextmanager
def random_layers_from(seed: tf.Tensor | None, drawn: set[str]) -> Iterator[None]:
    """Let the layers that a model calls inside the block draw their random numbers from a seed.

    Dropout with `training=True`, a noise layer, or `keras.random` in a `call` take the next seed of a
    `keras.random.SeedGenerator`, which counts up in a variable. The model is called without changing its variables, so
    it would draw the same numbers at every step and in every run. Inside the block, seed generators count from `seed`
    instead, whoever holds them. A generator that is used inside a `tf.function` of the model keeps its own seed, since
    the trace of that function serves other callers too.

    Args:
        seed: integer tensor (2,); `None` leaves the generators unchanged.
        drawn: set to which the names of the generators that are used are added.
    """
    graph, count = current_graph(), 0

    def seeded(original: Callable[..., Any]) -> Callable[..., Any]:
        def following(self: keras.random.SeedGenerator, ordered: bool = True) -> Any:
            nonlocal count
            if not is_traced_into(graph):
                return original(self, ordered)
            drawn.add(self.name)
            if seed is None:
                return original(self, ordered)
            count += 1
            # One generator for all: every draw has another count, so no two layers share their numbers.
            return tf.cast(seed + tf.cast(tf.stack([0, count]), seed.dtype), self.state.dtype)

        return following

    with exchanged([(keras.random.SeedGenerator, "next", seeded)]):
        yield
