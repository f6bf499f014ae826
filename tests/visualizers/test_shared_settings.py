"""Settings are immutable, are filled in by a recipe, and can be read back from a configuration."""

import dataclasses
import inspect
import json
from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import CBRVisualizer, Channel, FourierVisualizer, Logit, MacoVisualizer, estimate_magnitude
from maco_tf.spectrum import imagenet_magnitude
from maco_tf.transforms import GaussianNoise, Normal, RandomCrop, Uniform
from tests.conftest import build_tiny_model

ALL = pytest.mark.parametrize("kind", [MacoVisualizer, FourierVisualizer, CBRVisualizer])
# Few operations, so that little time goes into tracing.
SMALL = {"steps": 3, "transforms": [GaussianNoise(0.1)], "image_size": 24}


def images_of(visualizer):
    return visualizer.explain(Logit(1), seed=0, verbose=0).images


@ALL
def test_settings_cannot_be_assigned(tiny_model, kind):
    visualizer = kind(tiny_model)
    for settings in (visualizer, visualizer.resolved):
        for name in ["model", *visualizer.names()]:
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(settings, name, None)


def test_replacing_a_setting_makes_another_visualizer(tiny_model):
    visualizer = CBRVisualizer(tiny_model, **SMALL)
    before = images_of(visualizer)
    longer = dataclasses.replace(visualizer, steps=5)
    assert longer.config() == {**visualizer.config(), "steps": 5}
    assert longer.explain(Logit(1), seed=0, verbose=0).scores.shape == (5, 1)
    np.testing.assert_array_equal(images_of(visualizer), before)
    assert visualizer.traces == 1


def test_replacing_the_recipe_takes_all_of_its_values(tiny_model):
    visualizer = MacoVisualizer(tiny_model, image_size=32)
    xplique = dataclasses.replace(visualizer, recipe="xplique").resolved
    assert (xplique.crops, xplique.phase, xplique.cosine_decay) == (32, "standardized", False)
    assert xplique.image_size == (32, 32)


@pytest.mark.slow
def test_the_users_list_and_optimizer_may_change_later(tiny_model):
    """The visualizer keeps copies, so that its compiled steps match its settings."""
    noise, optimizer = [GaussianNoise(0.1)], keras.optimizers.SGD(20.0)
    visualizer = CBRVisualizer(tiny_model, **{**SMALL, "transforms": noise}, optimizer=optimizer)
    before, config = images_of(visualizer), visualizer.config()
    noise.append(GaussianNoise(0.5))
    optimizer.learning_rate = 1e-6
    visualizer.config()["steps"] = 100
    assert visualizer.config() == config
    np.testing.assert_array_equal(images_of(visualizer), before)
    # Steps of another structure are compiled now, and the term that they add changes nothing.
    same = visualizer.explain(Logit(1) + 0.0 * Channel("conv", 1), seed=0, verbose=0)
    np.testing.assert_allclose(same.images, before, atol=1e-4)
    unchanged = dataclasses.replace(visualizer, optimizer=keras.optimizers.SGD(20.0))
    assert unchanged.config() == config
    np.testing.assert_array_equal(images_of(unchanged), before)


@ALL
def test_shared_settings_are_declared_once(kind):
    shared = set(inspect.signature(FourierVisualizer).parameters) & set(inspect.signature(CBRVisualizer).parameters)
    shared &= set(inspect.signature(MacoVisualizer).parameters)
    assert len(shared) > 20
    assert not shared & set(vars(kind)["__annotations__"])


def test_a_recipe_sets_fields_of_the_method_only(tiny_model, own_methods):
    @dataclasses.dataclass(frozen=True, eq=False)
    class Mine(MacoVisualizer):
        method = "Mine"
        recipes: ClassVar = {"default": {"colour": "blue"}}

    with pytest.raises(ValueError, match=r'"recipes" must.*Received: colour'):
        Mine(tiny_model)


def test_a_recipe_builds_on_the_defaults():
    shared, paper = CBRVisualizer.settings_of(), CBRVisualizer.settings_of("paper")
    assert (shared["steps"], shared["crops"], shared["image_blur"]) == (256, 8, 0.0)
    assert {name for name in shared if shared[name] != paper[name]} == {"crops", "antialias", "learning_rate"}
    assert paper["image_size"] == 512
    with pytest.raises(ValueError, match='"recipe" must be one of'):
        CBRVisualizer.settings_of("fast")


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
WITH_IDS = [
    pytest.param(kind, settings, id=f"{kind.method} {' '.join(settings) or 'default'}")
    for kind, settings in CONFIGURATIONS
]


def read_back(model, kind, settings):
    """A visualizer, and the one that its configuration describes."""
    small = {"steps": 3, "image_size": 32, **({} if "transforms" in settings else {"crops": 2})}
    visualizer = kind(model, **{**small, **settings})
    return visualizer, kind.from_config(model, json.loads(json.dumps(visualizer.config())))


@pytest.mark.parametrize(("kind", "settings"), WITH_IDS)
def test_a_configuration_read_back_is_equal(tiny_model, kind, settings):
    visualizer, other = read_back(tiny_model, kind, settings)
    assert other.config() == visualizer.config()
    assert repr(other.resolved.views()) == repr(visualizer.resolved.views())


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "settings"), WITH_IDS)
def test_a_configuration_read_back_gives_the_same_bits(tiny_model, kind, settings):
    visualizer, other = read_back(tiny_model, kind, settings)
    np.testing.assert_array_equal(images_of(other), images_of(visualizer))


def test_equal_settings_have_equal_configurations(tiny_model):
    first, second = (MacoVisualizer(tiny_model, image_size=32).config() for _ in range(2))
    assert first == second
    magnitude = imagenet_magnitude(64, 64)
    other = MacoVisualizer(tiny_model, image_size=32, magnitude=magnitude).config()
    assert {key for key in first if first[key] != other[key]} == {"magnitude"}


def test_a_configuration_names_its_method(tiny_model):
    config = MacoVisualizer(tiny_model).config()
    assert config["method"] == "MACO"
    with pytest.raises(ValueError, match="\"config\" must be that of the method 'Fourier'"):
        FourierVisualizer.from_config(tiny_model, config)


def test_a_configuration_asks_for_values_that_it_cannot_hold(tiny_model, rng):
    def preprocess(images):
        return 2 * images - 1

    config = CBRVisualizer(tiny_model, **SMALL, preprocessing=preprocess).config()
    with pytest.raises(ValueError, match='"preprocessing" must be given again'):
        CBRVisualizer.from_config(tiny_model, config)
    again = CBRVisualizer.from_config(tiny_model, config, preprocessing=preprocess, steps=4)
    assert again.preprocessing is preprocess
    assert again.resolved.steps == 4

    magnitude = estimate_magnitude(rng.uniform(size=(2, 32, 32, 3)).astype("float32"), verbose=0)
    config = MacoVisualizer(tiny_model, **SMALL, magnitude=magnitude).config()
    with pytest.raises(ValueError, match='"magnitude" must be given again'):
        MacoVisualizer.from_config(tiny_model, config)
    assert MacoVisualizer.from_config(tiny_model, config, magnitude=magnitude).config() == config
    arrays = {config["magnitude"]["magnitude"]: magnitude.values}
    assert MacoVisualizer.from_config(tiny_model, config, arrays=arrays).config() == config


def test_the_image_has_the_channels_of_the_model():
    visualizer = FourierVisualizer(build_tiny_model(channels=5), image_size=(32, 40))
    assert visualizer.image_shape == (32, 40, 5)


def test_the_representation_shows_the_settings_in_force(tiny_model):
    text = repr(MacoVisualizer(tiny_model, "fast", precision="auto"))
    assert text.startswith("<MacoVisualizer of tiny: recipe='fast', steps=64, ")
    assert "precision='auto'" in text
    assert "magnitude='imagenet'" in text
    assert "optimizer" not in text


def test_another_backend_of_keras_is_refused(tiny_model, monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(ValueError, match="KERAS_BACKEND"):
        CBRVisualizer(tiny_model)


@ALL
def test_an_unknown_setting_names_the_nearest(tiny_model, kind):
    with pytest.raises(TypeError, match=rf"{kind.__name__} has no setting 'stepz'. Did you mean steps"):
        kind(tiny_model, stepz=3)
    with pytest.raises(TypeError, match="Did you mean crop_side"):
        dataclasses.replace(kind(tiny_model), crop_sid=0.5)
