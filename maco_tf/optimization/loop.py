"""The loop around the compiled steps: progress, callbacks, Ctrl-C, and a check of the scores."""

import signal
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

import keras
import numpy as np

from maco_tf.optimization.callbacks import cannot_save
from maco_tf.optimization.scoring import ObjectiveTensors
from maco_tf.optimization.step import CompiledSteps


class Run:
    """A run in progress. Keras callbacks find it as `self.model`.

    Attributes:
        steps: length of the run.
        names: the names of the objectives.
        state: the current `State`.
        stop_training: set it to True to stop after this step.
        interrupted: whether the user stopped the run with Ctrl-C.
        history: the `keras.callbacks.History` of the run, if it is among the callbacks.
    """

    # Keras's TensorBoard reads these two: a run has no Keras function and no layers to draw.
    train_function = None
    layers: tuple[keras.layers.Layer, ...] = ()

    def __init__(
        self,
        compiled: CompiledSteps,
        steps: int,
        seeds: Sequence[int],
        images: np.ndarray | None = None,
        names: Sequence[str] = (),
    ) -> None:
        self.steps, self.names, self.state = steps, list(names), compiled.start(seeds, images)
        self._compiled = compiled
        self.stop_training = False
        self.interrupted = False
        self.history: keras.callbacks.History | None = None

    @property
    def optimizer(self) -> keras.optimizers.Optimizer:
        """The optimizer of this run, where callbacks look for it; its `learning_rate` may be set."""
        return self._compiled.optimizer

    def save(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse to be saved, because a run is not a model.

        Raises:
            ValueError: always.
        """
        raise ValueError(cannot_save("a callback that saves it"))

    save_weights = save

    def get_weights(self) -> list[np.ndarray]:
        """The free variables of the images, which `set_weights` puts back."""
        return [value.numpy() for value in self._compiled.values()]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Put back the images of an earlier step; the optimizer goes on as it is.

        Args:
            weights: the result of `get_weights`.
        """
        for variable, value in zip(self._compiled.variables, weights, strict=True):
            variable.assign(value)

    def images(self) -> np.ndarray:
        """The current images: array (batch, height, width, channels), float32 in [0, 1]."""
        return self._compiled.images()

    def advance(self, objective: ObjectiveTensors, count: int) -> np.ndarray:
        """Run `count` steps and return their scores, array (count, batch)."""
        done = int(self.state.step)
        self.state = self._compiled(self.state, objective, count)
        return self.state.history[done : done + count].numpy().sum(axis=-1)

    def transparency(self) -> np.ndarray:
        """The accumulated transparency: array (batch, height, width), float32."""
        return self.state.transparency.numpy()

    def scores(self) -> np.ndarray:
        """The scores of the steps done: array (done, batch), float32."""
        return self.term_scores().sum(axis=-1)

    def term_scores(self) -> np.ndarray:
        """What each term adds to the scores of the steps done: array (done, batch, terms), float32."""
        return self.state.history.numpy()[: int(self.state.step)]


def optimize(
    run: Run,
    objective: ObjectiveTensors,
    *,
    steps_per_execution: int = 1,
    callbacks: Sequence[keras.callbacks.Callback] | None = None,
    verbose: int | str = "auto",
) -> None:
    """Run an optimisation to its end.

    A first Ctrl-C in the main thread ends the run after the current step, as `run.stop_training` does.

    Args:
        run: a `Run`, updated as it goes.
        objective: see `objective_tensors`.
        steps_per_execution: number of steps between two returns to Python, which serve callbacks, progress and Ctrl-C.
        callbacks: list of `keras.callbacks.Callback`; see `as_callbacks`. To them, every step is an epoch of one batch,
            because most of Keras's callbacks act at the end of an epoch. `on_train_batch_end` and `on_epoch_end` get
            the number of the last step done (from 0) and `{"score": mean score}`; `self.model` is the `Run`.
        verbose: 0 is silent; 1 or "auto" shows Keras's progress bar, and 2 shows its last line.

    Raises:
        FloatingPointError: a score is not finite; the message names the step and likely causes.
        KeyboardInterrupt: a second Ctrl-C.
    """
    with Interrupts() as interrupts:
        _run(run, objective, steps_per_execution, callbacks, verbose, interrupts)


def check_verbose(verbose: Any) -> None:
    """Refuse an unknown level of progress.

    Args:
        verbose: 0, 1, 2, "auto", or a flag.

    Raises:
        ValueError: it is none of these.
    """
    if not isinstance(verbose, str | int | np.integer | np.bool_) or verbose not in ("auto", 0, 1, 2):
        raise ValueError(f'"verbose" must be "auto", 0, 1, 2, True or False. Received: {verbose!r}.')


class Interrupts:
    """A block in which the first Ctrl-C is only noted, and the second raises `KeyboardInterrupt`.

    An exception that Ctrl-C raises by itself could surface anywhere, even between a step that has changed the image and
    the line that keeps the step's result. Signals reach only the main thread; in other threads, and in a process that
    handles Ctrl-C in its own way, nothing changes.

    Attributes:
        noted: whether there was a Ctrl-C.
        repeated: whether there was a second one.
    """

    def __init__(self) -> None:
        self.noted = self.repeated = False
        self._installed = False

    def __enter__(self) -> "Interrupts":
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)
            self._installed = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.repeated = self.noted
        self.noted = True
        if self.repeated:
            raise KeyboardInterrupt


def _run(
    run: Run,
    objective: ObjectiveTensors,
    steps_per_execution: int,
    callbacks: Sequence[keras.callbacks.Callback] | None,
    verbose: int | str,
    interrupts: Interrupts,
) -> None:
    called = keras.callbacks.CallbackList(callbacks, model=run, steps=1, epochs=run.steps, verbose=0)
    progress = keras.utils.Progbar(
        run.steps, verbose=1 if verbose == "auto" else int(verbose), unit_name="step", stateful_metrics=["score"]
    )
    done = 0
    logs: dict[str, float] = {}
    try:
        called.on_train_begin()
        while done < run.steps and not run.stop_training and not interrupts.noted:
            called.on_epoch_begin(done)
            called.on_train_batch_begin(done)
            count = min(steps_per_execution, run.steps - done)
            scores = run.advance(objective, count)
            _check_finite(scores, done)
            done += count
            logs = {"score": float(scores[-1].mean())}
            progress.update(done, values=list(logs.items()))
            called.on_train_batch_end(done - 1, logs)
            called.on_epoch_end(done - 1, logs)
    except KeyboardInterrupt:
        if interrupts.repeated:
            raise
        run.interrupted = True
    # Minutes of work are not thrown away: the run ends with the images it has.
    run.interrupted |= interrupts.noted
    if 0 < done < run.steps:
        progress.update(done, values=list(logs.items()), finalize=True)
    called.on_train_end(logs)


def _check_finite(scores: np.ndarray, first: int) -> None:
    bad = np.argwhere(~np.isfinite(scores))
    if len(bad):
        step, image = bad[0]
        raise FloatingPointError(
            f"The score of image {image} is {scores[step, image]} at step {first + step}. Likely causes: weights that "
            "are not finite, preprocessing that does not suit the model (inputs far outside its range), float16 "
            'activations that overflow, or too large a learning rate. Try precision="float32", '
            "and check model(preprocessing(images)) on a real image."
        )
