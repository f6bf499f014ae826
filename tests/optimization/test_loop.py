"""Ctrl-C as a real signal."""

import signal
import threading

import keras
import numpy as np
import pytest

from maco_tf import Logit, MacoVisualizer
from maco_tf.optimization.loop import Interrupts


class Press(keras.callbacks.Callback):
    """Presses Ctrl-C so many times after a step."""

    def __init__(self, step, times=1):
        super().__init__()
        self.step, self.times, self.ended = step, times, False

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.step:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)

    def on_train_end(self, logs=None):
        self.ended = True


def visualizer(model, **settings):
    return MacoVisualizer(model, **{"steps": 6, "image_size": 32, "crops": 2, **settings})


def test_a_ctrl_c_ends_the_run_after_the_step_under_way(tiny_model):
    press = Press(2)
    stopped = visualizer(tiny_model).explain(Logit(1), seed=0, callbacks=[press], verbose=0)
    assert stopped.config["interrupted"]
    assert press.ended
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 2

    asked = visualizer(tiny_model).explain(Logit(1), seed=0, callbacks=[Stop()], verbose=0)
    assert not asked.config["interrupted"]
    for name in ("scores", "images", "transparency"):
        np.testing.assert_array_equal(getattr(stopped, name), getattr(asked, name))
    assert len(stopped.scores) == 3


def test_a_signal_in_the_middle_of_a_step_loses_nothing(tiny_model):
    """It comes while the compiled function runs, where a `KeyboardInterrupt` would drop what the step returns."""
    own = visualizer(tiny_model)
    whole = own.explain(Logit(1), seed=0, verbose=0)
    (compiled,) = own._engine._compiled.values()
    call, calls = compiled._concrete, []

    def pressed(*arguments):
        state = call(*arguments)
        calls.append(state)
        if len(calls) == 4:
            signal.raise_signal(signal.SIGINT)
        return state

    compiled._concrete = pressed
    stopped = own.explain(Logit(1), seed=0, verbose=0)
    assert stopped.config["interrupted"]
    np.testing.assert_array_equal(stopped.scores, whole.scores[:4])
    np.testing.assert_array_equal(stopped.transparency, calls[-1].transparency)
    np.testing.assert_array_equal(stopped.images, compiled.images())


def test_a_second_ctrl_c_raises_at_once(tiny_model):
    with pytest.raises(KeyboardInterrupt):
        visualizer(tiny_model).explain(Logit(1), callbacks=[Press(2, times=2)], verbose=0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_users_stays():
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
    try:
        with Interrupts() as interrupts:
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert pressed
    assert not interrupts.noted


def test_other_threads_leave_signals_alone(tiny_model):
    results = []
    thread = threading.Thread(
        target=lambda: results.append(visualizer(tiny_model, steps=1).explain(Logit(1), seed=0, verbose=0))
    )
    thread.start()
    thread.join()
    assert results[0].scores.shape == (1, 1)
