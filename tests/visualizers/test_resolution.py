"""From a user's settings to the settings in force, in all methods."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import CBRVisualizer, FourierVisualizer, Logit, MacoVisualizer
from maco_tf.transforms import GaussianNoise, Normal
from maco_tf.visualizers.resolution import resolve_image_size
from tests.conftest import build_tiny_model

ALL = pytest.mark.parametrize("kind", [MacoVisualizer, FourierVisualizer, CBRVisualizer])


@pytest.mark.parametrize(
    ("size", "input_shape", "expected"),
    [
        # 512 / 224 of the input, but at most 512 pixels on the longer side, and never less than the input. Inputs of
        # less than 96 pixels get less; from 32 pixels down, the image has the size of the input.
        (None, (224, 224, 3), (512, 512)),
        (None, (16, 16, 3), (16, 16)),
        (None, (32, 32, 3), (32, 32)),
        (None, (32, 64, 3), (53, 105)),
        (None, (96, 96, 3), (219, 219)),
        (None, (97, 97, 3), (222, 222)),
        (None, (299, 299, 3), (512, 512)),
        (None, (600, 300, 3), (600, 300)),
        ("input", (20, 30, 3), (20, 30)),
        (40, (20, 30, 1), (40, 40)),
        (np.int64(40), (20, 30, 1), (40, 40)),
        ((33, 40), (20, 30, 3), (33, 40)),
        ([33, np.int32(40)], (20, 30, 3), (33, 40)),
        (20, (20, 20, 3), (20, 20)),
        # Below the input: views are enlarged.
        (19, (20, 30, 3), (19, 19)),
        ((40, 8), (20, 30, 3), (40, 8)),
    ],
)
def test_image_sizes(size, input_shape, expected):
    found = resolve_image_size(size, input_shape)
    assert found == expected
    assert [type(side) for side in found] == [int, int]


@pytest.mark.parametrize("size", [7, True, 32.0, "large", (32,), (32, 32, 3), [], (32, "x"), (40, 7), 4])
def test_wrong_image_sizes(size):
    with pytest.raises(ValueError, match='"image_size" must be'):
        resolve_image_size(size, (20, 30, 3))


@pytest.mark.parametrize(
    ("side", "expected"), [(16, (16, 16)), (64, (105, 105)), (None, (512, 512)), (299, (512, 512)), (600, (600, 600))]
)
def test_the_image_size_follows_the_input_of_the_model(side, expected):
    """An input without a size becomes 224 pixels."""
    assert MacoVisualizer(build_tiny_model(size=side)).resolved.image_size == expected


@pytest.mark.parametrize(
    "kind",
    [CBRVisualizer, *(pytest.param(kind, marks=pytest.mark.slow) for kind in (MacoVisualizer, FourierVisualizer))],
)
@pytest.mark.parametrize("size", [pytest.param(10, marks=pytest.mark.slow), (12, 20)])
def test_an_image_may_be_smaller_than_the_input(tiny_model, kind, size):
    visualizer = kind(tiny_model, image_size=size, steps=2, crops=2)
    explanation = visualizer.explain(Logit(0), seed=0, verbose=0)
    assert explanation.images.shape == (1, *visualizer.resolved.image_size, 3)
    assert (explanation.transparency > 0).mean() > 0.5


def test_a_view_of_a_small_image_is_the_enlarged_image(tiny_model, rng):
    """Whole, it has all pixels of the input: a constant stays one, and a gradient keeps its ends."""
    visualizer = MacoVisualizer(tiny_model, image_size=8, crop_side=1.0, crop_centre=0.5, crops=1, gaussian_noise=0)
    crop = visualizer.resolved.views()[0]
    ramp = np.broadcast_to(np.linspace(0.2, 0.8, 8, dtype="float32")[:, None, None], (1, 8, 8, 3))
    view = crop(tf.constant(ramp)).numpy()
    np.testing.assert_allclose(view, tf.image.resize(ramp, (16, 16)), atol=1e-5)


@ALL
def test_a_recipe_made_for_large_networks_warns_of_a_small_one(kind):
    small, large = build_tiny_model(size=32), build_tiny_model(size=128)
    with pytest.warns(UserWarning, match="'paper' draws 512 x 512 pixels .* 32 x 32.* image_size="):
        assert kind(small, "paper").resolved.image_size == (512, 512)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The user decides, the recipe fits, or the network is large enough.
        kind(small, "paper", image_size=512)
        kind(small)
        kind(large, "paper")


def test_the_transforms_of_the_paper_need_sixteen_pixels(tiny_model):
    for settings in ({"recipe": "paper"}, {"transforms": "paper"}):
        with pytest.raises(ValueError, match='"image_size" must be at least 16'):
            CBRVisualizer(tiny_model, image_size=12, **settings)


@ALL
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("recipe", value) for value in ("best", ["default"], None)],
        *[("steps", value) for value in (0, 2.5, True, "8")],
        *[("crops", value) for value in (0, 2.5, np.True_)],
        *[("crop_side", value) for value in (0.0, 1.5, "half", (0.5,))],
        ("crop_centre", "middle"),
        ("crop_inside", "no"),
        ("crop_antialias", 3),
        *[("whole_views", value) for value in (-1, 1.5)],
        *[("gaussian_noise", value) for value in (-0.1, "strong", True)],
        *[("uniform_noise", value) for value in (-0.1, float("nan"))],
        *[("transforms", value) for value in ([3], "xplique", 3, tf.identity)],
        *[("learning_rate", value) for value in (0, -1.0, float("nan"), "fast", True)],
        *[("optimizer", value) for value in ("adam", keras.optimizers.Adam)],
        *[("image_size", value) for value in (True, 4, (32, 32, 3), "large")],
        *[("preprocessing", value) for value in ("resnet", 3)],
        ("input_shape", (16, 16)),
        *[("relu_warmup", value) for value in (-1, None)],
        *[("steps_per_execution", value) for value in (0, True)],
        *[("jit_compile", value) for value in (1, "yes")],
        *[("precision", value) for value in ("half", tf.bfloat16)],
        *[("max_batch_size", value) for value in (0, "all")],
        ("strategy", "GPU:0"),
    ],
)
def test_a_wrong_setting_is_named(tiny_model, kind, name, value):
    with pytest.raises(ValueError, match=f'"{name}" must'):
        kind(tiny_model, **{name: value})


def test_settings_are_checked_beside_transforms_too(tiny_model):
    for settings in ({"crops": 0}, {"antialias": "yes"}, {"steps": 0}):
        with pytest.raises(ValueError, match=f'"{next(iter(settings))}" must be'):
            CBRVisualizer(tiny_model, transforms=[], **settings)


@ALL
@pytest.mark.parametrize("rate", [np.float32(0.5), np.float64(0.5), 0.5, np.int64(1), 1])
def test_a_learning_rate_is_any_real_number(tiny_model, kind, rate):
    found = kind(tiny_model, learning_rate=rate).resolved.learning_rate
    assert (found, type(found)) == (float(rate), float)


def test_numpy_numbers_become_plain_numbers(tiny_model):
    settings = {"steps": 2, "crops": 3, "image_size": 24, "whole_views": 1, "max_batch_size": 3}
    numpy = MacoVisualizer(tiny_model, **{name: np.int64(value) for name, value in settings.items()})
    assert numpy.config() == MacoVisualizer(tiny_model, **settings).config()
    assert type(numpy.resolved.steps) is int
    assert MacoVisualizer(tiny_model, crop_inside=np.True_).resolved.crop_inside is True


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crop_side", 0.5),
        ("crop_centre", "anywhere"),
        ("crop_inside", True),
        ("crop_antialias", False),
        ("whole_views", 1),
        ("gaussian_noise", 0.0),
        ("uniform_noise", 0.1),
        ("noise_first", True),
    ],
)
def test_transforms_replace_crops_and_noise(tiny_model, name, value):
    with pytest.raises(ValueError, match=f'"transforms" replaces crops and noise. Received: {name} besides it'):
        CBRVisualizer(tiny_model, transforms=[tf.identity], **{name: value})
    # The transforms may come from the recipe.
    with pytest.raises(ValueError, match=f"{name} besides it with the recipe 'paper', which has transforms"):
        CBRVisualizer(tiny_model, "paper", **{name: value})
    assert getattr(CBRVisualizer(tiny_model, transforms=[tf.identity]).resolved, name) is None


def test_antialias_belongs_to_transforms(tiny_model):
    with pytest.raises(ValueError, match='"antialias" belongs to the resizing after "transforms"'):
        CBRVisualizer(tiny_model, antialias=False)
    assert CBRVisualizer(tiny_model).resolved.antialias is None
    assert CBRVisualizer(tiny_model, transforms=[]).resolved.antialias is True
    assert CBRVisualizer(tiny_model, transforms=[], antialias=False).resolved.antialias is False


def test_a_learning_rate_belongs_to_the_default_optimizer(tiny_model):
    optimizer = keras.optimizers.Adam(0.3)
    with pytest.raises(ValueError, match='"learning_rate" belongs to the default optimizer'):
        CBRVisualizer(tiny_model, learning_rate=1.0, optimizer=optimizer)
    resolved = CBRVisualizer(tiny_model, optimizer=optimizer).resolved
    assert resolved.learning_rate is None
    assert float(resolved.optimizer.learning_rate) == pytest.approx(0.3)
    assert resolved.optimizer is not optimizer


def test_a_list_of_transforms_makes_one_view_unless_crops_are_given(tiny_model):
    noise = [GaussianNoise(0.1)]
    resolved = CBRVisualizer(tiny_model, transforms=noise).resolved
    assert (resolved.crops, resolved.transforms) == (1, tuple(noise))
    assert CBRVisualizer(tiny_model, transforms=noise, crops=3).resolved.crops == 3
    # The name of a set does not say how many views there are, so the recipe's number holds.
    assert CBRVisualizer(tiny_model, transforms="lucid").resolved.crops == 8
    assert CBRVisualizer(tiny_model, "paper").resolved.crops == 1


def test_a_setting_takes_the_place_of_the_recipes_value(tiny_model):
    resolved = MacoVisualizer(tiny_model, "paper", crops=4, image_size=40).resolved
    assert (resolved.crops, resolved.image_size, resolved.crop_side) == (4, (40, 40), Normal(0.25, 0.1))
    # "paper" builds on "default".
    assert (resolved.steps, resolved.phase) == (256, "uniform")
    assert resolved.input_shape == (16, 16, 3)
