"""Where a run can be started, and the error where the memory of the device does not suffice."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import keras
import tensorflow as tf

_T = TypeVar("_T")


def check_context(name: str) -> None:
    """Refuse to start a run where its variables could not change.

    Args:
        name: the function that the user called, for the error.

    Raises:
        RuntimeError: eager execution is disabled, or this is the inside of a `tf.function` or of a
            `keras.StatelessScope`.
    """
    if not tf.executing_eagerly():
        where = "inside a tf.function, as Keras makes of a model's call. Call it before or after, or in a callback"
        if not tf.compat.v1.executing_eagerly_outside_functions():
            where = "with eager execution disabled. Remove tf.compat.v1.disable_eager_execution()"
        raise RuntimeError(f"{name} must be called eagerly. Received: a call {where}.")
    with keras.StatelessScope() as scope:
        # A scope remembers the one around it.
        inside = getattr(scope, "original_scope", None) is not None
    if inside:
        raise RuntimeError(
            f"{name} must be called outside of keras.StatelessScope, in which the variables of a run cannot change. "
            "Received: a call inside one. Leave the scope first."
        )


def outside_tapes(function: Callable[[], _T]) -> _T:
    """Call a function where no `tf.GradientTape` or `tf.autodiff.ForwardAccumulator` of the user records it.

    Nobody differentiates a run, and a tape that recorded one would need the second derivatives of all its operations,
    which some of them lack. `tf.init_scope` pauses tapes, but those that a step opens itself too; a tape of the user
    belongs to one thread.

    Args:
        function: a function without arguments.

    Returns:
        The function's result.
    """
    return in_thread(function) if _may_record() else function()


def in_thread(function: Callable[[], _T]) -> _T:
    """Call a function in a new thread, which begins without strategies and tapes, and wait for its result."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def _may_record() -> bool:
    """Whether a tape or an accumulator is active in this thread."""
    try:
        # TensorFlow has no public function for it. Without this one, every call could be recorded.
        from tensorflow.python.eager.record import could_possibly_record
    except ImportError:
        return True
    return bool(could_possibly_record())


@contextlib.contextmanager
def out_of_memory(views: int) -> Iterator[None]:
    """Call a compiled function in this block. If the memory of the device does not suffice, the error says so.

    Args:
        views: the number of views that the model sees at once.

    Raises:
        MemoryError: the memory does not suffice.
    """
    try:
        yield
    except tf.errors.OpError as error:
        # XLA reports it as an internal error.
        if not isinstance(error, tf.errors.ResourceExhaustedError) and "RESOURCE_EXHAUSTED" not in error.message:
            raise
        raise MemoryError(
            f'"max_batch_size" must be smaller: the memory of the device does not suffice for {views} views at once. '
            f"Set max_batch_size={max(1, views // 2)}, or use fewer images in a batch. {error.message}"
        ) from error
