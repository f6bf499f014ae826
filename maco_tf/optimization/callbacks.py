"""Keras callbacks in a run: those that can work are taken, and the others are refused before anything is computed."""

from typing import Any

import keras

# The only value that a run reports.
SCORE = "score"

_SAVING = tuple(
    getattr(keras.callbacks, name)
    for name in ("ModelCheckpoint", "BackupAndRestore", "OrbaxCheckpoint")
    if hasattr(keras.callbacks, name)
)
_RATES = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)


class StopAfter(keras.callbacks.Callback):
    """Ends a run after some steps.

    Args:
        steps: number of steps, at least 1.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._steps = steps

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch + 1 >= self._steps:
            self.model.stop_training = True


def as_callbacks(callbacks: Any, optimizer: keras.optimizers.Optimizer) -> list[keras.callbacks.Callback]:
    """Check the callbacks of a run.

    A callback with the mode "auto" that monitors the score gets the mode "max", because a higher score is better; Keras
    knows the direction of its own metrics only.

    Args:
        callbacks: a `keras.callbacks.Callback`, a list of them, or `None`.
        optimizer: the optimizer of the run.

    Returns:
        List of callbacks.

    Raises:
        ValueError: the argument holds something else, or a callback that cannot work in a run.
    """
    if callbacks is None:
        return []
    if isinstance(callbacks, keras.callbacks.Callback):
        callbacks = [callbacks]
    if not isinstance(callbacks, list | tuple) or not all(
        isinstance(callback, keras.callbacks.Callback) for callback in callbacks
    ):
        raise ValueError(f'"callbacks" must be a keras.callbacks.Callback or a list of them. Received: {callbacks!r}.')
    for callback in callbacks:
        _check(callback, optimizer)
    return list(callbacks)


def _check(callback: keras.callbacks.Callback, optimizer: keras.optimizers.Optimizer) -> None:
    name = type(callback).__name__
    if isinstance(callback, _SAVING):
        raise ValueError(cannot_save(name))
    if isinstance(callback, keras.callbacks.SwapEMAWeights) and not callback.swap_on_epoch:
        raise ValueError(
            '"callbacks" must act during the run. Received: SwapEMAWeights, which waits for an evaluation. Write '
            "SwapEMAWeights(swap_on_epoch=True)."
        )
    monitor = getattr(callback, "monitor", SCORE)
    if isinstance(monitor, str) and monitor != SCORE:
        raise ValueError(
            f'"callbacks" must monitor "{SCORE}", the only value that a run reports. Received: {name} with '
            f'monitor={monitor!r}. Write {name}(monitor="{SCORE}", ...).'
        )
    if hasattr(callback, "monitor") and getattr(callback, "mode", None) == "auto":
        callback.mode = "max"
    if isinstance(callback, _RATES) and isinstance(
        optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule
    ):
        raise ValueError(
            f'"callbacks" must not set a learning rate that follows a schedule. Received: {name}, and an optimizer '
            f"with {type(optimizer._learning_rate).__name__}. Give a number instead: cosine_decay=False for MACO, or "
            "learning_rate=0.05."
        )


def cannot_save(received: str) -> str:
    """The message for callbacks that save the model.

    Args:
        received: the name of the callback, or a description.
    """
    return (
        '"callbacks" must not save the model: an optimisation run is not a model. Received: '
        f"{received}. Save self.model.images() in a callback, or the Explanation with explanation.save(path)."
    )
