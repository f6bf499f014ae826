"""The devices of a run, and how its steps are compiled for them."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import keras
import tensorflow as tf

from maco_tf.checks import check_flag, check_integer
from maco_tf.optimization.contexts import in_thread, outside_tapes
from maco_tf.parametrizations.parametrization import Parametrization

_T = TypeVar("_T")


def as_strategy(strategy: Any) -> tf.distribute.Strategy | None:
    """The strategy under which replicas share the views of a run.

    Args:
        strategy: a `tf.distribute.MirroredStrategy`; `None` is the strategy in whose scope this is called, if any.

    Returns:
        A strategy of several replicas, or `None` for one device.

    Raises:
        ValueError: the argument is another object or another kind of strategy.
    """
    given, strategy = strategy, tf.distribute.get_strategy() if strategy is None else strategy
    if not isinstance(strategy, tf.distribute.Strategy):
        raise ValueError(f'"strategy" must be a tf.distribute.MirroredStrategy or None. Received: {given!r}.')
    if strategy.num_replicas_in_sync == 1:
        return None
    if not isinstance(strategy, tf.distribute.MirroredStrategy):
        raise ValueError(
            f'"strategy" must be a tf.distribute.MirroredStrategy: one process, several devices. Received: '
            f"{type(strategy).__name__}. On a cluster, run one process on each machine, each with its own objectives."
        )
    return strategy


def resolve_jit(jit_compile: Any, strategy: tf.distribute.Strategy | None) -> bool:
    """Decide whether XLA compiles the steps.

    Args:
        jit_compile: True, False, or "auto", which is True on a single GPU.
        strategy: as `as_strategy` returns it.

    Returns:
        The decision.

    Raises:
        ValueError: the argument is something else, or True for several devices.
    """
    if isinstance(jit_compile, str):
        if jit_compile != "auto":
            raise ValueError(f'"jit_compile" must be True, False or "auto". Received: {jit_compile!r}.')
        return bool(tf.config.list_logical_devices("GPU")) and not strategy
    if check_flag("jit_compile", jit_compile) and strategy:
        raise ValueError(
            '"jit_compile" must be False or "auto" under a strategy of several replicas, because XLA compiles for one '
            "device. Received: True."
        )
    return bool(jit_compile)


def runs_plainly_on_cpu(jit_compile: bool, strategy: tf.distribute.Strategy | None) -> bool:
    """Whether a CPU runs the steps operation by operation, where large tensors are slower than several small ones.

    Args:
        jit_compile: as `resolve_jit` returns it.
        strategy: as `as_strategy` returns it.
    """
    return not (jit_compile or strategy or tf.config.list_logical_devices("GPU"))


def resolve_batch_size(
    max_batch_size: Any, jit_compile: bool, strategy: tf.distribute.Strategy | None
) -> int | str | None:
    """Decide how many views the model sees at once.

    Args:
        max_batch_size: an integer of at least 1, `None` for no limit, or "auto".
        jit_compile: as `resolve_jit` returns it.
        strategy: as `as_strategy` returns it.

    Returns:
        An integer, `None`, or "auto" where a CPU runs the steps operation by operation: see `plan_parts`.

    Raises:
        ValueError: the argument is something else.
    """
    if isinstance(max_batch_size, str) and max_batch_size == "auto":
        return "auto" if runs_plainly_on_cpu(jit_compile, strategy) else None
    return None if max_batch_size is None else check_integer("max_batch_size", max_batch_size, 1)


@contextlib.contextmanager
def refused_by_xla() -> Iterator[None]:
    """Call a compiled function in this block. If XLA has no kernel for an operation, the error names the remedy.

    Raises:
        ValueError: XLA cannot compile the function.
    """
    try:
        yield
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
        if not any(text in error.message for text in ("unsupported operations", "compile-time constant", "XLA")):
            raise
        raise ValueError(
            '"jit_compile" must be False for this model, these transforms or this preprocessing: XLA has no kernel for '
            f'one of their operations. Received: True, or "auto" on a GPU. Set jit_compile=False. {error.message}'
        ) from error


def outside_scope(function: Callable[[], _T]) -> _T:
    """Call a function outside the scope of any strategy, and of any tape; its variables are plain ones.

    TensorFlow can neither leave a scope for a while nor enter another one inside it, but a scope belongs to one thread.

    Args:
        function: a function without arguments.

    Returns:
        The function's result.
    """
    return in_thread(function) if tf.distribute.has_strategy() else outside_tapes(function)


def ascend(
    optimizer: keras.optimizers.Optimizer,
    gradients: list[tf.Tensor],
    variables: list[keras.Variable],
    parametrization: Parametrization,
    done: tf.Tensor,
) -> None:
    """Make a step of the optimizer, and what the parametrization asks for after it.

    Args:
        optimizer: a built `keras.optimizers.Optimizer`.
        gradients: list of tensors.
        variables: list of Keras variables.
        parametrization: a `Parametrization`.
        done: int32 scalar, the number of steps done after this one.
    """
    optimizer.apply(gradients, variables)
    values = [tf.convert_to_tensor(variable.value) for variable in variables]
    after = parametrization.after_step(values, done)
    if after is not values:
        for variable, value in zip(variables, after):
            variable.assign(value)


def built_optimizer(
    parametrization: Parametrization, optimizer: keras.optimizers.Optimizer
) -> tuple[list[keras.Variable], keras.optimizers.Optimizer]:
    """The free variables of a run, and a copy of an optimizer that is built for them, outside the scope of a strategy.

    Args:
        parametrization: a `Parametrization`.
        optimizer: a `keras.optimizers.Optimizer`, which stays unchanged.
    """

    def build() -> tuple[list[keras.Variable], keras.optimizers.Optimizer]:
        variables = [keras.Variable(value) for value in parametrization.initialize(0)]
        copy = type(optimizer).from_config(optimizer.get_config())
        copy.build(variables)
        return variables, copy

    return outside_scope(build)
