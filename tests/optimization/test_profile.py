import numpy as np
import pytest

from maco_tf import Channel, FeatureInversion, Logit, MacoVisualizer, TotalVariation
from maco_tf.models import Activations
from tests.conftest import build_tiny_model


def visualizer(**options):
    return MacoVisualizer(build_tiny_model(), steps=2, crops=4, image_size=24, **options)


@pytest.mark.parametrize("options", [{}, {"max_batch_size": 2}])
def test_parts_are_timed_and_the_run_is_as_before(options, rng):
    own = visualizer(**options)
    images = rng.uniform(size=(2, 24, 24, 3)).astype("float32")
    objective = Logit([1, 2]) - Channel("conv", 1) + FeatureInversion("second", images) - TotalVariation()
    before = own.explain(objective, seed=0, verbose=0)
    profile = own.profile(objective, repeats=2)
    np.testing.assert_array_equal(own.explain(objective, seed=0, verbose=0).images, before.images)
    assert own.traces == 1
    assert profile.views_a_step == 8
    assert min(profile.step, profile.model, profile.views, profile.parametrization, profile.optimizer) > 0
    assert [line.split()[0] for line in str(profile).splitlines()] == [
        "step",
        "model",
        "views",
        "parametrization",
        "optimizer",
    ]


def test_a_slow_network_is_seen_as_such(monkeypatch):
    """A model twice as slow as all else together takes most of the step."""
    import time

    import tensorflow as tf

    call = Activations.__call__

    def slow(self, images, layers):
        def wait(value):
            time.sleep(0.3)
            return value

        waited = tf.py_function(wait, [images], tf.float32)
        waited.set_shape(images.shape)
        return call(self, waited + 0.0 * images, layers)

    monkeypatch.setattr(Activations, "__call__", slow)
    profile = visualizer(jit_compile=False).profile(Logit(1), repeats=2)
    assert profile.model > 0.5 * profile.step
    assert max(profile.views, profile.parametrization, profile.optimizer) < 0.5 * profile.model


def test_bad_arguments():
    with pytest.raises(ValueError, match='"repeats" must be an integer of at least 1'):
        visualizer().profile(Logit(1), repeats=0)
    with pytest.raises(ValueError, match='"objective" must be'):
        visualizer().profile("pug")


def test_an_objective_of_the_image_alone_is_timed_too():
    profile = visualizer().profile(TotalVariation(), repeats=1)
    assert profile.step > 0
