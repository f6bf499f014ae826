"""The loop around the compiled steps: progress, callbacks, interruption, and a check of the scores."""

import signal
import threading

import keras
import numpy as np


class Interrupts:
    """A block in which a first Ctrl-C only leaves a note, and a second one raises `KeyboardInterrupt` at once.

    Raised by itself, it would surface anywhere: behind a step that has changed the image, and before what that step
    returned is kept. Signals reach the main thread alone; elsewhere, and where the process handles them in another way
    than Python does, nothing is changed.

    Attributes:
        noted: whether there was a Ctrl-C.
        repeated: whether there was a second one.
    """

    def __init__(self):
        self.noted = self.repeated = False
        self._installed = False

    def __enter__(self):
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)
            self._installed = True
        return self

    def __exit__(self, *_):
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, number, frame):
        self.repeated = self.noted
        self.noted = True
        if self.repeated:
            raise KeyboardInterrupt


class Run:
    """A run in progress: what Keras callbacks find as `self.model`.

    Attributes:
        steps: length of the run.
        state: the current `State`.
        stop_training: set it to True to stop after this step.
        interrupted: whether the user stopped the run.
    """

    def __init__(self, compiled, steps, seed, images=None):
        self.steps, self.state = steps, compiled.start(seed, images)
        self._compiled = compiled
        self.stop_training = False
        self.interrupted = False

    @property
    def optimizer(self):
        """The run's own copy of the optimizer, as callbacks look for it: its `learning_rate` may be set."""
        return self._compiled.optimizer

    def save(self, *_, **__):
        """Refuse to be saved: a run holds images, no network.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            '"callbacks" must not save the model: a run has none of its own. Received: one that does. Save '
            "self.model.images() in a callback, or the Explanation with explanation.save(path)."
        )

    save_weights = save

    def images(self):
        """The images as they are now: array (batch, height, width, channels), float32 in [0, 1]."""
        return self._compiled.images()

    def advance(self, weights, parameters, count):
        """Run `count` steps and return their scores, array (count, batch)."""
        done = int(self.state.step)
        self.state = self._compiled(self.state, weights, parameters, count)
        return self.state.history[done : done + count].numpy()

    def transparency(self):
        """The accumulated transparency: array (batch, height, width), float32."""
        return self.state.transparency.numpy()

    def scores(self):
        """The scores of the steps done: array (done, batch), float32."""
        return self.state.history.numpy()[: int(self.state.step)]


def optimize(run, weights, parameters, *, steps_per_execution=1, callbacks=None, verbose="auto"):
    """Run an optimisation to its end.

    Args:
        run: a `Run`, updated as it goes.
        weights: see `objective_tensors`.
        parameters: see `objective_tensors`.
        steps_per_execution: steps between two looks from Python: callbacks, progress, an interrupt.
        callbacks: list of `keras.callbacks.Callback`. `on_train_batch_end` gets the number of the last
            step done (from 0) and `{"score": mean score}`; `self.model` is the `Run`.
        verbose: 0 is silent; 1 or "auto" shows Keras's progress bar, 2 its last line.

    A first Ctrl-C in the main thread ends the run after the step under way, as `run.stop_training` does.

    Raises:
        FloatingPointError: a score is not finite; the message names the step and likely causes.
        KeyboardInterrupt: a second Ctrl-C.
    """
    with Interrupts() as interrupts:
        _run(run, weights, parameters, steps_per_execution, callbacks, verbose, interrupts)


def check_verbose(verbose):
    """Refuse what is no level of progress.

    Args:
        verbose: 0, 1, 2, "auto", or a boolean.

    Raises:
        ValueError: it is none of these.
    """
    if not isinstance(verbose, str | int) or verbose not in ("auto", 0, 1, 2):
        raise ValueError(f'"verbose" must be "auto", 0, 1, 2, True or False. Received: {verbose!r}.')


def _run(run, weights, parameters, steps_per_execution, callbacks, verbose, interrupts):
    callbacks = keras.callbacks.CallbackList(callbacks, model=run, steps=run.steps, epochs=1, verbose=0)
    progress = keras.utils.Progbar(
        run.steps, verbose=1 if verbose == "auto" else int(verbose), unit_name="step", stateful_metrics=["score"]
    )
    done, logs = 0, {}
    try:
        callbacks.on_train_begin()
        callbacks.on_epoch_begin(0)  # A run is one epoch to Keras's callbacks.
        while done < run.steps and not run.stop_training and not interrupts.noted:
            callbacks.on_train_batch_begin(done)
            count = min(steps_per_execution, run.steps - done)
            scores = run.advance(weights, parameters, count)
            _check_finite(scores, done)
            done += count
            logs = {"score": float(scores[-1].mean())}
            progress.update(done, values=list(logs.items()))
            callbacks.on_train_batch_end(done - 1, logs)
    except KeyboardInterrupt:
        if interrupts.repeated:
            raise
        run.interrupted = True
    # What there is is returned: minutes of work are not thrown away.
    run.interrupted |= interrupts.noted
    if 0 < done < run.steps:
        progress.update(done, values=list(logs.items()), finalize=True)
    callbacks.on_epoch_end(0, logs)
    callbacks.on_train_end(logs)


def _check_finite(scores, first):
    bad = np.argwhere(~np.isfinite(scores))
    if len(bad):
        step, image = bad[0]
        raise FloatingPointError(
            f"The score of image {image} is {scores[step, image]} at step {first + step}. Likely causes: weights that "
            "are not finite, preprocessing that does not suit the model (inputs far outside its range), float16 "
            'activations that overflow, or too large a learning rate. Try precision="float32" '
            "and check model(preprocessing(images)) on a real image."
        )
