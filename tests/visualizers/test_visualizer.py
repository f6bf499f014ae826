"""What `explain` promises in every method."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import CBRVisualizer, Channel, Explanation, FourierVisualizer, Logit, MacoVisualizer, TotalVariation
from maco_tf.transforms import GaussianNoise
from maco_tf.version import __version__
from tests.conftest import Wrapper, build_tiny_model


@pytest.mark.parametrize(
    "kind",
    [MacoVisualizer, *(pytest.param(kind, marks=pytest.mark.slow) for kind in (FourierVisualizer, CBRVisualizer))],
)
def test_the_score_rises_and_the_result_is_complete(tiny_model, kind, tmp_path):
    visualizer = kind(tiny_model, steps=30, crops=2, image_size=32)
    explanation = visualizer.explain(Logit([1, 3]), seed=0, verbose=0)
    assert explanation.images.shape == (2, 32, 32, 3)
    assert 0 <= explanation.images.min() < explanation.images.max() <= 1
    assert explanation.transparency.shape == (2, 32, 32)
    assert explanation.transparency.min() >= 0 < explanation.transparency.max()
    assert explanation.scores.shape == (30, 2)
    assert (explanation.scores[-5:].mean(0) > explanation.scores[:5].mean(0)).all()
    assert explanation.names == ["logit 1", "logit 3"]
    assert explanation.seed == 0
    config = explanation.config
    assert {**config, **visualizer.config()} == config
    assert (config["maco_tf"], config["model"], config["method"]) == (__version__, "tiny", kind.method)
    assert (config["start"], config["interrupted"]) == ("random", False)
    explanation.save(tmp_path / "result.npz")
    assert Explanation.load(tmp_path / "result.npz").config == json.loads(json.dumps(config))


@pytest.mark.parametrize(
    "kind",
    [CBRVisualizer, *(pytest.param(kind, marks=pytest.mark.slow) for kind in (MacoVisualizer, FourierVisualizer))],
)
def test_results_repeat_and_seeds_differ(tiny_model, kind):
    visualizer = kind(tiny_model, steps=3, transforms=[GaussianNoise(0.1)], image_size=24)
    first, again, other = (visualizer.explain(Logit(1), seed=seed, verbose=0).images for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    assert visualizer.traces == 1


@pytest.mark.slow
def test_another_method_is_another_word(tiny_model):
    objective = Logit(1) - 0.5 * Channel("conv", 2) - 0.1 * TotalVariation()
    settings = {"steps": 4, "crops": 2, "image_size": 32, "steps_per_execution": 2}
    results = [
        kind(tiny_model, **settings).explain(objective, seed=3, verbose=0)
        for kind in (MacoVisualizer, FourierVisualizer, CBRVisualizer)
    ]
    assert [result.names for result in results] == [objective.names] * 3
    assert [result.config["method"] for result in results] == ["MACO", "Fourier", "CBR"]
    images = [result.images for result in results]
    assert np.ptp(images, axis=0).mean() > 0.1


@pytest.mark.parametrize("kind", [FourierVisualizer, CBRVisualizer])
def test_any_number_of_channels(kind):
    visualizer = kind(build_tiny_model(channels=5), steps=2, transforms=[], image_size=24)
    assert visualizer.explain(Logit(0), seed=0, verbose=0).images.shape == (1, 24, 24, 5)


@pytest.mark.parametrize("size", [(40, 31), *(pytest.param(size, marks=pytest.mark.slow) for size in (33, (24, 64)))])
def test_odd_and_oblong_images(tiny_model, size):
    explanation = MacoVisualizer(tiny_model, transforms=[], image_size=size, steps=2).explain(Logit(0), verbose=0)
    assert explanation.images.shape[1:3] == (size if isinstance(size, tuple) else (size, size))


def test_subclassed_nested_and_unsized_models():
    wrapper = Wrapper()
    wrapper(np.zeros((1, 16, 16, 3)))
    settings = {"steps": 2, "transforms": [], "image_size": 24}
    nested = CBRVisualizer(wrapper, **settings, input_shape=(16, 16, 3))
    assert nested.explain(Channel("tiny/conv", 1), verbose=0).names == ["tiny/conv:1"]
    unsized = CBRVisualizer(build_tiny_model(size=None), **settings, input_shape=(24, 24, 3))
    assert unsized.explain(Logit(1), verbose=0).scores.shape == (2, 1)


def test_transforms_and_optimizers_of_the_user_repeat(tiny_model):
    visualizer = CBRVisualizer(
        tiny_model,
        steps=3,
        image_size=24,
        transforms=[lambda x: tf.image.resize(x, (16, 16)), lambda x: x + 0.01],
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.9)),
    )
    first, second = (visualizer.explain(Logit(1), seed=0, verbose=0) for _ in range(2))
    np.testing.assert_array_equal(first.images, second.images)


@pytest.mark.slow
def test_settings_may_follow_a_schedule_of_the_user(tiny_model):
    settings = {"steps": 2, "crops": 1, "image_size": 24, "uniform_noise": 0.0}
    constant, falling = (
        CBRVisualizer(tiny_model, **settings, gaussian_noise=noise).explain(Logit(1), seed=0, verbose=0).scores
        for noise in (0.1, lambda step: 0.1 / (step + 1))
    )
    # The noise differs from the second step on.
    np.testing.assert_allclose(falling[0], constant[0], atol=1e-5)
    assert abs(falling[1] - constant[1]) > 1e-4


def test_a_setting_given_to_explain_is_refused_with_the_remedy(tiny_model):
    visualizer = CBRVisualizer(tiny_model, steps=1, image_size=16)
    with pytest.raises(TypeError, match=r"'steps'.*dataclasses\.replace\(visualizer, steps="):
        visualizer.explain(Logit(1), steps=64)
    with pytest.raises(TypeError, match=r"'sede'. Did you mean seed"):
        visualizer.explain(Logit(1), sede=1)


def test_class_names_name_objectives_and_results(tiny_model, tmp_path):
    names = ["cat", "pug", "red fox", "wolf", "lynx"]
    visualizer = CBRVisualizer(tiny_model, steps=1, crops=1, image_size=16, class_names=names)
    explanation = visualizer.explain(Logit(["wolf", 0]) - Logit("Pug"), seed=0, verbose=0)
    assert explanation.names == ["wolf - pug", "cat - pug"]
    by_number = visualizer.explain(Logit([3, 0]) - Logit(1), seed=0, verbose=0)
    np.testing.assert_array_equal(explanation.images, by_number.images)
    explanation.save(tmp_path / "result.npz")
    again = Explanation.load(tmp_path / "result.npz").again(tiny_model, verbose=0)
    np.testing.assert_array_equal(again.images, explanation.images)
    assert (again.names, again.config["class_names"]) == (explanation.names, names)
    with pytest.raises(ValueError, match=r"names of the classes.*Did you mean wolf"):
        visualizer.check(Logit("woolf"))
    with pytest.raises(ValueError, match='"class_names" must hold a name for each of the 5'):
        CBRVisualizer(tiny_model, class_names=names[:4]).check(Logit(1))
    with pytest.raises(ValueError, match='"class_names" must be a list of names'):
        CBRVisualizer(tiny_model, class_names="cats")
