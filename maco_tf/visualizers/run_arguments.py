"""What `explain` may be told besides the objective."""

import random

import keras
import numpy as np


def resolve_seed(seed):
    """A run's seed; `None` draws one.

    Raises:
        ValueError: it is no integer in [0, 2**31).
    """
    if seed is None:
        # Python's generator, so that `keras.utils.set_random_seed` decides it.
        return random.randrange(2**31)
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or not 0 <= seed < 2**31:
        raise ValueError(f'"seed" must be an integer in [0, 2**31) or None. Received: {seed!r}.')
    return int(seed)


def resolve_callbacks(callbacks):
    """A run's callbacks as a list; `None` is none.

    Raises:
        ValueError: it is no list of Keras callbacks.
    """
    callbacks = [] if callbacks is None else callbacks
    if not isinstance(callbacks, list | tuple) or not all(
        isinstance(callback, keras.callbacks.Callback) for callback in callbacks
    ):
        raise ValueError(f'"callbacks" must be a list of keras.callbacks.Callback objects. Received: {callbacks!r}.')
    return list(callbacks)
