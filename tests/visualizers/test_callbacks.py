"""What `explain` takes besides the objective, and Keras's own callbacks."""

import keras
import numpy as np
import pytest

from maco_tf import Logit, MacoVisualizer


def visualizer(model, **settings):
    return MacoVisualizer(model, **{"steps": 3, "image_size": 32, "crops": 2, **settings})


def test_a_learning_rate_scheduler_sets_the_rate_of_the_run(tiny_model):
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.02)
    scheduled = visualizer(tiny_model, optimizer=keras.optimizers.Adam(0.5))
    results = [scheduled.explain(Logit(1), seed=0, callbacks=[scheduler], verbose=0)]
    results.append(visualizer(tiny_model, optimizer=keras.optimizers.Adam(0.02)).explain(Logit(1), seed=0, verbose=0))
    np.testing.assert_array_equal(results[0].images, results[1].images)
    # The next run begins with the optimizer's own rate.
    again = scheduled.explain(Logit(1), seed=0, verbose=0)
    assert np.abs(again.images - results[0].images).max() > 0.05


def test_a_rate_may_be_set_between_steps(tiny_model):
    class Freeze(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.images = []

        def on_train_batch_end(self, batch, logs=None):
            self.images.append(self.model.images())
            self.model.optimizer.learning_rate = 0.0

    freeze = Freeze()
    visualizer(tiny_model, optimizer=keras.optimizers.Adam(0.1)).explain(Logit(1), callbacks=[freeze], verbose=0)
    np.testing.assert_array_equal(freeze.images[0], freeze.images[2])


@pytest.mark.parametrize(("only", "suffix"), [(True, ".weights.h5"), (False, ".keras")])
def test_a_run_is_no_model_to_save(tiny_model, tmp_path, only, suffix):
    checkpoint = keras.callbacks.ModelCheckpoint(str(tmp_path / f"run{suffix}"), save_weights_only=only)
    with pytest.raises(ValueError, match="must not save the model"):
        visualizer(tiny_model).explain(Logit(1), callbacks=[checkpoint], verbose=0)


@pytest.mark.parametrize("callbacks", [keras.callbacks.TerminateOnNaN(), [print], "progress", 3])
def test_what_is_no_list_of_callbacks(tiny_model, callbacks):
    with pytest.raises(ValueError, match='"callbacks" must be a list'):
        visualizer(tiny_model).explain(Logit(1), callbacks=callbacks, verbose=0)


@pytest.mark.parametrize("verbose", ["foo", 3, -1, None, 0.5])
def test_bad_verbosity(tiny_model, verbose):
    own = visualizer(tiny_model)
    with pytest.raises(ValueError, match='"verbose" must be "auto", 0, 1, 2'):
        own.explain(Logit(1), verbose=verbose)
    assert own.traces == 0


@pytest.mark.parametrize("verbose", [True, 2, False])
def test_levels_of_progress(tiny_model, verbose, capsys):
    visualizer(tiny_model).explain(Logit(1), verbose=verbose)
    assert ("3/3" in capsys.readouterr().out) == bool(verbose)
