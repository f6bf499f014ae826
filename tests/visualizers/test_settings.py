"""Settings that cannot lie: immutable, resolved from a recipe, and readable from a configuration."""

import dataclasses
import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import CBRVisualizer, FourierVisualizer, Logit, MacoVisualizer, estimate_magnitude
from maco_tf.transforms import GaussianNoise, Normal, RandomCrop, Uniform
from tests.conftest import build_tiny_model

ALL = pytest.mark.parametrize("kind", [MacoVisualizer, FourierVisualizer, CBRVisualizer])
SMALL = {"steps": 3, "crops": 2, "image_size": 32}


def images_of(visualizer):
    return visualizer.explain(Logit(1), seed=0, verbose=0).images


@ALL
def test_assigning_to_a_setting_raises_and_replace_makes_another(tiny_model, kind):
    visualizer = kind(tiny_model, **SMALL)
    before = images_of(visualizer)
    for name in visualizer.names():
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(visualizer, name, None)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(visualizer.resolved, name, None)
    longer = dataclasses.replace(visualizer, steps=5)
    assert longer.explain(Logit(1), seed=0, verbose=0).scores.shape == (5, 1)
    assert longer.config()["steps"] == 5
    np.testing.assert_array_equal(images_of(visualizer), before)
    assert visualizer.traces == 1


def test_replacing_the_recipe_takes_all_of_it(tiny_model):
    visualizer = MacoVisualizer(tiny_model, image_size=32)
    xplique = dataclasses.replace(visualizer, recipe="xplique").resolved
    assert (xplique.crops, xplique.phase, xplique.cosine_decay, xplique.image_size) == (
        32,
        "standardized",
        False,
        (32, 32),
    )


def test_a_compiled_step_cannot_serve_other_settings_than_those_in_force(tiny_model):
    """A user may change the list and the optimizer that they passed in; the visualizer does not change."""
    noise, optimizer = [GaussianNoise(0.1)], keras.optimizers.SGD(20.0)
    visualizer = MacoVisualizer(tiny_model, **SMALL, transforms=noise, optimizer=optimizer)
    before, config = images_of(visualizer), visualizer.config()
    noise.append(GaussianNoise(0.5))
    optimizer.learning_rate = 1e-6
    with pytest.raises(dataclasses.FrozenInstanceError):
        noise[0].std = 0.5
    visualizer.config()["steps"] = 100
    assert visualizer.config() == config
    np.testing.assert_array_equal(images_of(visualizer), before)
    np.testing.assert_array_equal(
        images_of(dataclasses.replace(visualizer, optimizer=keras.optimizers.SGD(20.0))), before
    )
    # Another structure of objective is compiled later, with the same settings.
    two = visualizer.explain(Logit([1, 1]), seed=0, verbose=0).images
    np.testing.assert_allclose(two[0], before[0], atol=0.2)


@ALL
def test_shared_settings_are_declared_once_and_mean_the_same(tiny_model, kind):
    shared = set(inspect.signature(FourierVisualizer).parameters) & set(inspect.signature(CBRVisualizer).parameters)
    shared &= set(inspect.signature(MacoVisualizer).parameters)
    declared = [name for name in vars(kind)["__annotations__"] if name in shared]
    assert declared in ([], ["std", "stretch"])
    crop, *rest = kind(tiny_model, crops=3, crop_side=0.5, gaussian_noise=0.0, image_size=32).resolved.views()
    assert (crop.count, crop.side) == (3, Normal(0.5))
    assert [type(item).__name__ for item in rest] == ["UniformNoise"]


@ALL
def test_named_sets_of_transforms(tiny_model, kind):
    lucid = kind(tiny_model, transforms="lucid", crops=2, image_size=48).resolved
    assert [type(item).__name__ for item in lucid.views()] == [
        "Repeat", "Pad", "Jitter", "RandomScale", "RandomRotate", "Jitter", "Resize",
    ]  # fmt: skip
    assert lucid.crop_side is None
    with pytest.raises(ValueError, match="\"transforms\" must be one of 'lucid', 'paper'"):
        kind(tiny_model, transforms="xplique")


def test_settings_that_a_recipe_replaces_are_refused(tiny_model):
    with pytest.raises(ValueError, match="crop_side besides it with the recipe 'paper', which has transforms"):
        FourierVisualizer(tiny_model, "paper", crop_side=0.5, image_size=32)
    with pytest.raises(ValueError, match='"cosine_decay" belongs'):
        MacoVisualizer(tiny_model, optimizer=keras.optimizers.Adam(), cosine_decay=True)


@ALL
@pytest.mark.parametrize("rate", [np.float32(0.5), np.float64(0.5), 0.5, np.int64(1), 1])
def test_a_learning_rate_is_any_real_number(tiny_model, kind, rate):
    assert kind(tiny_model, learning_rate=rate).resolved.learning_rate == float(rate)


@ALL
def test_a_flag_is_not_a_number(tiny_model, kind):
    for settings in ({"learning_rate": True}, {"steps": True}, {"crops": np.True_}, {"gaussian_noise": True}):
        with pytest.raises(ValueError, match=f'"{next(iter(settings))}"'):
            kind(tiny_model, **settings)
    assert kind(tiny_model, crop_inside=np.True_).resolved.crop_inside is True


CONFIGURATIONS = [
    (MacoVisualizer, {}),
    (MacoVisualizer, {"recipe": "xplique", "crops": 4}),
    (MacoVisualizer, {"recipe": "paper", "image_size": (33, 40)}),
    (MacoVisualizer, {"crop_side": Uniform(0.4, (0.9, 0.5)), "gaussian_noise": (0.1, 0.0), "mean_level": 0.5}),
    (MacoVisualizer, {"transforms": [RandomCrop(16, 3, side=Normal((0.8, 0.4), 0.1)), GaussianNoise((0.1, 0.0))]}),
    (MacoVisualizer, {"optimizer": keras.optimizers.SGD(20.0, momentum=0.5)}),
    (MacoVisualizer, {"learning_rate": keras.optimizers.schedules.ExponentialDecay(1.0, 2, 0.5)}),
    (MacoVisualizer, {"preprocessing": "tf", "max_batch_size": 2, "steps_per_execution": 2}),
    (MacoVisualizer, {"preprocessing": tf.math.sin}),
    (FourierVisualizer, {"recipe": "lucid", "image_size": 48}),
    (FourierVisualizer, {"decay": 0.7, "stretch": True}),
    (CBRVisualizer, {"image_blur": 0.7, "recipe": "paper", "image_size": 48}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "settings"), CONFIGURATIONS, ids=lambda value: str(value)[:40])
def test_a_configuration_read_back_gives_the_same_bits(tiny_model, kind, settings):
    small = {"steps": 3, "image_size": 32, **({} if "transforms" in settings else {"crops": 2})}
    visualizer = kind(tiny_model, **{**small, **settings})
    config = json.loads(json.dumps(visualizer.config()))
    other = kind.from_config(tiny_model, config)
    assert other.config() == visualizer.config()
    np.testing.assert_array_equal(images_of(other), images_of(visualizer))


def test_a_configuration_names_its_method_and_asks_for_what_it_cannot_hold(tiny_model, rng):
    visualizer = MacoVisualizer(tiny_model, **SMALL, preprocessing=lambda x: 2 * x - 1)
    config = visualizer.config()
    assert "unstorable" in config["preprocessing"]
    with pytest.raises(ValueError, match='"preprocessing" must be given again'):
        MacoVisualizer.from_config(tiny_model, config)
    given = MacoVisualizer.from_config(tiny_model, config, preprocessing=lambda x: 2 * x - 1)
    np.testing.assert_array_equal(images_of(given), images_of(visualizer))
    with pytest.raises(ValueError, match="\"config\" must be that of the method 'Fourier'"):
        FourierVisualizer.from_config(tiny_model, config)
    magnitude = estimate_magnitude(rng.uniform(size=(2, 32, 32, 3)).astype("float32"), verbose=0)
    named = MacoVisualizer(tiny_model, **SMALL, magnitude=magnitude).config()
    with pytest.raises(ValueError, match='"magnitude" must be given again'):
        MacoVisualizer.from_config(tiny_model, named)
    assert MacoVisualizer.from_config(tiny_model, named, magnitude=magnitude).config() == named


def test_methods_called_on_unresolved_settings_say_so(tiny_model):
    with pytest.raises(RuntimeError, match=r"visualizer\.resolved"):
        MacoVisualizer(tiny_model).parametrization(1)


def test_threads_share_a_visualizer(tiny_model):
    from concurrent.futures import ThreadPoolExecutor

    visualizer = MacoVisualizer(tiny_model, **SMALL)
    alone = [visualizer.explain(Logit(i), seed=i, verbose=0).images for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda i: visualizer.explain(Logit(i), seed=i, verbose=0).images, range(4)))
    for first, second in zip(alone, together):
        np.testing.assert_array_equal(first, second)


def test_a_model_of_several_channels_keeps_its_shape():
    visualizer = FourierVisualizer(build_tiny_model(channels=5), image_size=(32, 40))
    assert visualizer.image_shape == (32, 40, 5)
