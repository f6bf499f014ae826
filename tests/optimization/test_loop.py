"""Callbacks, progress, and Ctrl-C, which is a real signal in these tests."""

import signal
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Logit, MacoVisualizer
from maco_tf.optimization.loop import Interrupts
from maco_tf.transforms import GaussianNoise
from tests.conftest import build_tiny_model

# Few operations, so that little time goes into tracing.
SMALL = {"steps": 6, "image_size": 24, "transforms": [GaussianNoise(0.1)]}


@pytest.fixture(scope="module")
def visualizer(tiny_model):
    """One visualizer for many tests, because a run does not depend on earlier runs."""
    return MacoVisualizer(tiny_model, **SMALL)


@pytest.fixture(scope="module")
def in_fours(tiny_model):
    """The same with four steps in a call."""
    return MacoVisualizer(tiny_model, **SMALL, steps_per_execution=4)


class PressCtrlC(keras.callbacks.Callback):
    """Presses Ctrl-C once or several times after a step."""

    def __init__(self, step, times=1):
        super().__init__()
        self.step, self.times, self.ended = step, times, False

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.step:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)

    def on_train_end(self, logs=None):
        self.ended = True


class StopAfter(keras.callbacks.Callback):
    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch == self.step


def assert_equal_runs(first, second):
    for name in ("scores", "images", "transparency"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_ctrl_c_ends_the_run_after_the_current_step(visualizer):
    press = PressCtrlC(2)
    interrupted = visualizer.explain(Logit(1), seed=0, callbacks=[press], verbose=0)
    stopped = visualizer.explain(Logit(1), seed=0, callbacks=[StopAfter(2)], verbose=0)
    assert press.ended
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert (interrupted.config["interrupted"], stopped.config["interrupted"]) == (True, False)
    assert len(interrupted.scores) == 3
    assert_equal_runs(interrupted, stopped)


def test_a_signal_in_the_middle_of_a_step_loses_nothing(tiny_model):
    """The compiled step runs when the signal arrives; a `KeyboardInterrupt` there would lose the step's result."""
    calls, press_at = [], 4

    def press():
        calls.append(1)
        if len(calls) == press_at:
            signal.raise_signal(signal.SIGINT)
        return 0.0

    def preprocess(images):
        zero = tf.py_function(press, [], tf.float32)
        zero.set_shape(())
        return images + zero

    visualizer = MacoVisualizer(tiny_model, **SMALL, preprocessing=preprocess, jit_compile=False)
    interrupted = visualizer.explain(Logit(1), seed=0, verbose=0)
    stopped = visualizer.explain(Logit(1), seed=0, callbacks=[StopAfter(3)], verbose=0)
    assert interrupted.config["interrupted"]
    assert len(interrupted.scores) == press_at
    assert_equal_runs(interrupted, stopped)


def test_a_second_ctrl_c_raises_at_once(visualizer):
    with pytest.raises(KeyboardInterrupt):
        visualizer.explain(Logit(1), callbacks=[PressCtrlC(2, times=2)], verbose=0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_keyboard_interrupt_in_a_callback_returns_the_images_so_far(visualizer):
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    explanation = visualizer.explain(Logit(1), callbacks=[Interrupt()], verbose=0)
    assert explanation.scores.shape == (3, 1)
    assert explanation.config["interrupted"]
    assert np.isfinite(explanation.images).all()


def test_a_signal_handler_of_the_user_stays_in_force():
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
    try:
        with Interrupts() as interrupts:
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert pressed
    assert not interrupts.noted


def test_a_run_in_another_thread_installs_no_signal_handler(visualizer):
    handlers, results = [], []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            handlers.append(signal.getsignal(signal.SIGINT))

    def run():
        results.append(visualizer.explain(Logit(1), seed=0, callbacks=[Look()], verbose=0))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert results[0].scores.shape == (6, 1)
    assert set(handlers) == {signal.default_int_handler}


def test_callbacks_see_the_images_and_can_stop_the_run(in_fours):
    seen = []

    class Watch(StopAfter):
        def on_train_begin(self, logs=None):
            seen.append(("begin", self.model.steps))

        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            seen.append((batch, logs["score"], self.model.images(), self.model.scores(), self.model.transparency()))

        def on_train_end(self, logs=None):
            seen.append(("end", logs["score"]))

    explanation = in_fours.explain(Logit(1), callbacks=[Watch(3)], seed=0, verbose=0)
    assert [entry[0] for entry in seen] == ["begin", 3, "end"]
    assert seen[0][1] == 6
    _, score, images, scores, transparency = seen[1]
    assert score == pytest.approx(explanation.scores[-1, 0]) == pytest.approx(seen[2][1])
    np.testing.assert_array_equal(images, explanation.images)
    np.testing.assert_array_equal(scores, explanation.scores)
    np.testing.assert_array_equal(transparency, explanation.transparency)
    assert explanation.scores.shape == (4, 1)


def test_steps_in_one_call_give_the_same_run(visualizer, in_fours):
    """The second call has only two steps left."""
    assert_equal_runs(*(kind.explain(Logit(1), seed=0, verbose=0) for kind in (visualizer, in_fours)))


@pytest.mark.slow
def test_a_learning_rate_scheduler_sets_the_rate_of_one_run(tiny_model):
    fast, slow = (MacoVisualizer(tiny_model, **SMALL, optimizer=keras.optimizers.Adam(rate)) for rate in (0.5, 0.02))
    scheduler = keras.callbacks.LearningRateScheduler(lambda step, rate: 0.02)
    scheduled = fast.explain(Logit(1), seed=0, callbacks=[scheduler], verbose=0)
    np.testing.assert_array_equal(scheduled.images, slow.explain(Logit(1), seed=0, verbose=0).images)
    # The next run begins with the rate of the optimizer.
    unscheduled = fast.explain(Logit(1), seed=0, verbose=0)
    assert np.abs(unscheduled.images - scheduled.images).max() > 0.05


def test_a_callback_can_set_the_rate_between_steps(tiny_model):
    images = []

    class Freeze(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            images.append(self.model.images())
            self.model.optimizer.learning_rate = 0.0

    settings = {**SMALL, "steps": 3}
    visualizer = MacoVisualizer(tiny_model, **settings, optimizer=keras.optimizers.Adam(0.1))
    visualizer.explain(Logit(1), callbacks=[Freeze()], verbose=0)
    np.testing.assert_array_equal(images[0], images[2])


@pytest.mark.parametrize(("weights_only", "suffix"), [(True, ".weights.h5"), (False, ".keras")])
def test_callbacks_cannot_save_a_run_as_a_model(visualizer, tmp_path, weights_only, suffix):
    checkpoint = keras.callbacks.ModelCheckpoint(str(tmp_path / f"run{suffix}"), save_weights_only=weights_only)
    with pytest.raises(ValueError, match='"callbacks" must not save the model'):
        visualizer.explain(Logit(1), callbacks=[checkpoint], verbose=0)


@pytest.mark.parametrize(("verbose", "shown"), [("auto", True), (True, True), (2, True), (False, False), (0, False)])
def test_progress_is_shown_unless_it_is_silenced(visualizer, verbose, shown, capsys):
    visualizer.explain(Logit(1), verbose=verbose)
    assert ("6/6" in capsys.readouterr().out) is shown


def test_a_score_that_is_not_finite_stops_the_run_and_names_the_step():
    model = build_tiny_model()
    model.get_layer("head").set_weights([np.full((4, 5), np.nan), np.zeros(5)])
    with pytest.raises(FloatingPointError, match=r"image 0 is nan at step 0.*preprocessing"):
        MacoVisualizer(model, **SMALL).explain(Logit(1), verbose=0)
