"""Each callback of Keras in a run: it works, or is refused with the reason and the remedy."""

import csv

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Logit, MacoVisualizer
from maco_tf.transforms import GaussianNoise

SMALL = {"steps": 4, "image_size": 24, "transforms": [GaussianNoise(0.1)]}


@pytest.fixture(scope="module")
def visualizer(tiny_model):
    return MacoVisualizer(tiny_model, **SMALL)


@pytest.fixture(scope="module")
def settable(tiny_model):
    """A visualizer whose learning rate is a number."""
    return MacoVisualizer(tiny_model, **SMALL, cosine_decay=False)


@pytest.fixture(scope="module")
def plain(visualizer):
    """The result without callbacks."""
    return visualizer.explain(Logit(1), seed=0, verbose=0)


def run(visualizer, callbacks):
    return visualizer.explain(Logit(1), seed=0, callbacks=callbacks, verbose=0)


class Scores(keras.callbacks.Callback):
    """Replaces the score that callbacks after it see."""

    def __init__(self, values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs["score"] = self.values[epoch]


def test_one_callback_outside_a_list_is_taken(visualizer, plain):
    history = keras.callbacks.History()
    np.testing.assert_array_equal(run(visualizer, history).images, plain.images)
    assert history.history["score"] == pytest.approx(plain.scores[:, 0].tolist())
    assert history.epoch == [0, 1, 2, 3]


def test_csv_logger_writes_every_step(visualizer, plain, tmp_path):
    run(visualizer, keras.callbacks.CSVLogger(tmp_path / "log.csv"))
    with open(tmp_path / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2, 3]
    assert [float(row["score"]) for row in rows] == pytest.approx(plain.scores[:, 0].tolist())


@pytest.mark.parametrize("mode", ["auto", "max"])
def test_early_stopping_stops_when_the_score_no_longer_rises(visualizer, mode):
    stopping = keras.callbacks.EarlyStopping(monitor="score", mode=mode, patience=1)
    assert len(run(visualizer, [Scores([1.0, 2.0, 1.5, 3.0]), stopping]).scores) == 3
    rising = keras.callbacks.EarlyStopping(monitor="score", mode=mode, patience=1)
    assert len(run(visualizer, [Scores([1.0, 2.0, 3.0, 4.0]), rising]).scores) == 4


def test_early_stopping_can_bring_back_the_best_image(visualizer):
    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.images = []

        def on_epoch_end(self, epoch, logs=None):
            self.images.append(self.model.images())

    watch = Watch()
    stopping = keras.callbacks.EarlyStopping(monitor="score", patience=2, restore_best_weights=True)
    result = run(visualizer, [watch, Scores([1.0, 4.0, 3.0, 2.0]), stopping])
    np.testing.assert_array_equal(result.images, watch.images[1])
    assert np.abs(result.images - watch.images[3]).max() > 0.01


def test_tensorboard_writes_a_point_for_every_step(visualizer, plain, tmp_path):
    board = keras.callbacks.TensorBoard(tmp_path, histogram_freq=1, update_freq=1, write_steps_per_second=True)
    run(visualizer, board)
    (file,) = (tmp_path / "train").glob("events*")
    points = {}
    for event in tf.compat.v1.train.summary_iterator(str(file)):
        for value in event.summary.value:
            points.setdefault(value.tag, {})[event.step] = float(tf.make_ndarray(value.tensor))
    assert list(points["epoch_score"]) == [0, 1, 2, 3]
    assert list(points["epoch_score"].values()) == pytest.approx(plain.scores[:, 0].tolist())


def test_a_learning_rate_scheduler_sets_the_rate_of_each_step(settable):
    rates = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    run(settable, [keras.callbacks.LearningRateScheduler(lambda step, rate: 0.5 / (step + 1)), Watch()])
    assert rates == pytest.approx([0.5, 0.25, 0.5 / 3, 0.125])


def test_reduce_on_plateau_lowers_the_rate_when_the_score_no_longer_rises(settable):
    class Watch(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            self.rate = float(self.model.optimizer.learning_rate)

    for scores, expected in (([1.0, 2, 3, 4], 1.0), ([4.0, 3, 2, 1], 0.125)):
        watch = Watch()
        plateau = keras.callbacks.ReduceLROnPlateau(monitor="score", factor=0.5, patience=1)
        run(settable, [Scores(scores), plateau, watch])
        assert watch.rate == pytest.approx(expected)


@pytest.mark.parametrize(
    "callback",
    [keras.callbacks.LearningRateScheduler(lambda step, rate: rate), keras.callbacks.ReduceLROnPlateau("score")],
)
def test_a_rate_that_follows_a_schedule_cannot_be_set(visualizer, callback):
    with pytest.raises(ValueError, match=r'"callbacks" must not set a learning rate.*CosineDecay.*cosine_decay=False'):
        run(visualizer, callback)


@pytest.mark.parametrize("kind", [keras.callbacks.EarlyStopping, keras.callbacks.ReduceLROnPlateau])
def test_another_value_than_the_score_is_refused_with_the_remedy(settable, kind):
    with pytest.raises(ValueError, match=rf'"callbacks" must monitor "score".*{kind.__name__}\(monitor="score"'):
        run(settable, kind())


def test_an_average_of_the_images_can_be_swapped_in(tiny_model):
    """`SwapEMAWeights` replaces the images by their running average, here in the space of the variables."""
    optimizer = keras.optimizers.Adam(0.5, use_ema=True, ema_momentum=0.9)
    averaged = MacoVisualizer(tiny_model, **SMALL, optimizer=optimizer)
    swapped = run(averaged, keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    assert np.abs(swapped.images - run(averaged, None).images).max() > 0.01
    with pytest.raises(ValueError, match=r'"callbacks" must .*SwapEMAWeights\(swap_on_epoch=True\)'):
        run(averaged, keras.callbacks.SwapEMAWeights())


def test_a_function_may_be_a_callback(visualizer):
    seen = []
    run(visualizer, keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch)))
    assert seen == [0, 1, 2, 3]


def test_a_remote_monitor_sends_every_step(visualizer, monkeypatch):
    requests = pytest.importorskip("requests")
    sent = []
    monkeypatch.setattr(requests, "post", lambda *content, **_: sent.append(content))
    run(visualizer, keras.callbacks.RemoteMonitor())
    assert len(sent) == 4


@pytest.mark.parametrize("kind", [keras.callbacks.TerminateOnNaN, keras.callbacks.ProgbarLogger])
def test_callbacks_without_a_task_do_no_harm(visualizer, plain, kind):
    np.testing.assert_array_equal(run(visualizer, kind()).images, plain.images)


@pytest.mark.parametrize("kind", ["ModelCheckpoint", "BackupAndRestore", "OrbaxCheckpoint"])
def test_callbacks_that_save_the_model_are_refused_before_the_run(visualizer, tmp_path, kind):
    if not hasattr(keras.callbacks, kind):
        pytest.skip(f"This Keras has no {kind}.")
    arguments = {"ModelCheckpoint": "run.keras", "BackupAndRestore": "backup", "OrbaxCheckpoint": "orbax"}
    try:
        callback = getattr(keras.callbacks, kind)(str(tmp_path / arguments[kind]))
    except ImportError:
        pytest.skip(f"{kind} needs a package that is not installed.")
    with pytest.raises(ValueError, match=f'"callbacks" must not save the model.*{kind}.*explanation.save'):
        run(visualizer, callback)


def test_a_callback_of_the_user_cannot_save_the_run(visualizer, tmp_path):
    class Save(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            self.model.save(tmp_path / "run.keras")

    with pytest.raises(ValueError, match='"callbacks" must not save the model'):
        run(visualizer, Save())
