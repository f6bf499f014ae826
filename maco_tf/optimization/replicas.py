"""The devices of a run, and how it is compiled for them."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import tensorflow as tf

from maco_tf.checks import check_integer


def as_strategy(strategy):
    """The strategy that a run's views are shared under.

    Args:
        strategy: a `tf.distribute.MirroredStrategy`; `None` is the one in whose scope this is called, if any.

    Returns:
        A strategy of several replicas, or `None` where there is one device.

    Raises:
        ValueError: it is another kind of object or of strategy.
    """
    given, strategy = strategy, tf.distribute.get_strategy() if strategy is None else strategy
    if not isinstance(strategy, tf.distribute.Strategy):
        raise ValueError(f'"strategy" must be a tf.distribute.MirroredStrategy or None. Received: {given!r}.')
    if strategy.num_replicas_in_sync == 1:
        return None
    if not isinstance(strategy, tf.distribute.MirroredStrategy):
        raise ValueError(
            f'"strategy" must be a tf.distribute.MirroredStrategy: one process, several devices. Received: '
            f"{type(strategy).__name__}. On a cluster run one process a machine, each with objectives of its own."
        )
    return strategy


def resolve_jit(jit_compile, strategy):
    """Whether XLA compiles the steps.

    Args:
        jit_compile: True, False, or "auto": where one GPU is.
        strategy: as `as_strategy` returns it.

    Returns:
        A boolean.

    Raises:
        ValueError: it is none of these, or asked for on several devices.
    """
    # 1 is equal to True, but is none.
    if not isinstance(jit_compile, bool) and not (isinstance(jit_compile, str) and jit_compile == "auto"):
        raise ValueError(f'"jit_compile" must be True, False or "auto". Received: {jit_compile!r}.')
    if jit_compile is True and strategy:
        raise ValueError(
            '"jit_compile" must be False or "auto" under a strategy of several replicas: XLA compiles for one device. '
            "Received: True."
        )
    if jit_compile == "auto":
        return bool(tf.config.list_logical_devices("GPU")) and not strategy
    return jit_compile


def runs_plainly_on_cpu(jit_compile, strategy):
    """Whether one CPU runs the steps, operation by operation: large tensors are slow there, small ones are not.

    Args:
        jit_compile: as `resolve_jit` returns it.
        strategy: as `as_strategy` returns it.

    Returns:
        A boolean.
    """
    return not (jit_compile or strategy or tf.config.list_logical_devices("GPU"))


def resolve_batch_size(max_batch_size, jit_compile, strategy):
    """The most views that the model sees at once.

    Args:
        max_batch_size: an integer from 1, `None` for all, or "auto".
        jit_compile: as `resolve_jit` returns it.
        strategy: as `as_strategy` returns it.

    Returns:
        An integer, `None`, or "auto" where one CPU runs the steps as they are: see `plan_parts`.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(max_batch_size, str) and max_batch_size == "auto":
        return "auto" if runs_plainly_on_cpu(jit_compile, strategy) else None
    return None if max_batch_size is None else check_integer("max_batch_size", max_batch_size, 1)


@contextlib.contextmanager
def refused_by_xla():
    """A block that calls a compiled function, and says what to do where XLA has no kernel of an operation.

    Raises:
        ValueError: XLA cannot compile the function.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        if "unsupported operations" not in error.message:
            raise
        raise ValueError(
            '"jit_compile" must be False for this model, these transforms or this preprocessing: XLA has no kernel of '
            f'an operation in them. Received: True, or "auto" on a GPU. Set jit_compile=False. {error.message}'
        ) from error


def outside_scope(function):
    """Call a function where no strategy is in scope, so that variables made there are plain ones.

    A scope cannot be left for a while, nor another one entered inside it, but it belongs to one thread.

    Args:
        function: called without arguments.

    Returns:
        What it returns.
    """
    if not tf.distribute.has_strategy():
        return function()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()
