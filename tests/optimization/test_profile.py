import time

import numpy as np
import pytest
import tensorflow as tf

from maco_tf import CBRVisualizer, Channel, FeatureInversion, Logit, MacoVisualizer, TotalVariation
from maco_tf.optimization import Profile
from tests.conftest import build_tiny_model

PARTS = ("parametrization", "views", "model", "optimizer")


def visualizer(**options):
    return MacoVisualizer(build_tiny_model(), steps=2, crops=4, image_size=24, **options)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"max_batch_size": 2}], ids=str)
def test_every_part_is_timed_and_later_runs_do_not_change(options, rng):
    profiled = visualizer(**options)
    images = rng.uniform(size=(2, 24, 24, 3)).astype("float32")
    objective = Logit([1, 2]) - Channel("conv", 1) + FeatureInversion("second", images) - TotalVariation()
    before = profiled.explain(objective, seed=0, verbose=0)
    profile = profiled.profile(objective, repeats=1)
    np.testing.assert_array_equal(profiled.explain(objective, seed=0, verbose=0).images, before.images)
    assert profiled.traces == 1
    assert profile.views_a_step == 8
    assert min(profile.step, *(getattr(profile, name) for name in PARTS)) > 0


@pytest.mark.slow
def test_a_slow_network_takes_most_of_the_step():
    """This network sleeps for longer than all the rest takes."""

    def slow(images):
        def wait():
            time.sleep(0.3)
            return 0.0

        zero = tf.py_function(wait, [], tf.float32)
        zero.set_shape(())
        return images + zero

    profile = visualizer(jit_compile=False, preprocessing=slow).profile(Logit(1), repeats=2)
    assert profile.model > 0.5 * profile.step
    assert max(profile.views, profile.parametrization, profile.optimizer) < 0.5 * profile.model


def test_a_profile_prints_milliseconds_and_shares():
    lines = str(Profile(step=0.2, parametrization=0.01, views=0.04, model=0.1, optimizer=0.002, views_a_step=8))
    found = {line.split()[0]: line for line in lines.splitlines()}
    assert set(found) == {"step", *PARTS, "together"}
    assert "200.0 ms" in found["step"]
    assert "100.0 ms" in found["model"]
    assert "50%" in found["model"]
    assert "20%" in found["views"]


def test_a_profile_says_that_its_parts_do_not_add_up_to_the_step():
    profile = Profile(step=0.2, parametrization=0.04, views=0.08, model=0.12, optimizer=0.004, views_a_step=8)
    last = str(profile).splitlines()[-1]
    assert "244.0 ms" in last
    assert "122%, timed one by one; in a step they overlap" in last


def test_an_objective_of_the_image_only_is_timed_too():
    profiled = CBRVisualizer(build_tiny_model(), steps=2, transforms=[], image_size=24)
    assert profiled.profile(TotalVariation(), repeats=1).step > 0


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match='"repeats" must be an integer of at least 1'):
        visualizer().profile(Logit(1), repeats=0)
    with pytest.raises(ValueError, match='"objective" must be'):
        visualizer().profile("pug")
