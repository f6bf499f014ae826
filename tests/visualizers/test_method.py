import keras
import pytest
import tensorflow as tf

from maco_tf import CBRVisualizer, FourierVisualizer, MacoVisualizer, Visualizer
from maco_tf.transforms import GaussianNoise, Normal, RandomCrop, UniformNoise

ALL = pytest.mark.parametrize("kind", [MacoVisualizer, FourierVisualizer, CBRVisualizer])
LUCID = ["Pad", "Jitter", "RandomScale", "RandomRotate", "Jitter", "Resize"]


def kinds(visualizer):
    return [type(transform).__name__ for transform in visualizer.resolved.views()]


@ALL
def test_views_are_crops_with_noise(tiny_model, kind):
    settings = {"crop_side": 0.5, "crop_centre": "anywhere", "crop_inside": True, "crop_antialias": False}
    settings |= {"gaussian_noise": (0.1, 0.0), "uniform_noise": 0.02, "whole_views": 1}
    crop, gaussian, uniform = kind(tiny_model, crops=3, image_size=32, **settings).resolved.views()
    assert (crop.size, crop.count, crop.side, crop.centre) == ((16, 16), 3, Normal(0.5), "anywhere")
    assert (crop.inside, crop.antialias, crop.whole) == (True, False, 1)
    assert repr([gaussian, uniform]) == repr([GaussianNoise((0.1, 0.0)), UniformNoise(0.02)])


def test_noise_of_zero_is_left_out(tiny_model):
    assert kinds(CBRVisualizer(tiny_model, gaussian_noise=0.0)) == ["RandomCrop", "UniformNoise"]
    assert kinds(CBRVisualizer(tiny_model, gaussian_noise=0, uniform_noise=0)) == ["RandomCrop"]


@ALL
def test_noise_first_is_added_to_the_image_before_the_crops(tiny_model, kind):
    settings = {"gaussian_noise": 0.1, "uniform_noise": 0.02, "noise_first": True}
    assert kinds(kind(tiny_model, **settings)) == ["GaussianNoise", "UniformNoise", "RandomCrop"]


def test_the_paper_adds_noise_to_the_image_and_then_crops(tiny_model):
    noise, crop = MacoVisualizer(tiny_model, "paper", image_size=32).resolved.views()
    assert repr(noise) == repr(UniformNoise(0.1))
    assert (crop.count, crop.side, crop.centre, crop.inside) == (1, Normal(0.25, 0.1), "anywhere", True)


def test_noise_on_the_image_is_resized_with_the_crop(tiny_model):
    """A crop of 8 pixels that is enlarged to 32 shows the noise of 8 pixels, so neighbouring pixels are alike."""
    model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(name="flat")])
    settings = {"crops": 1, "crop_side": 0.25, "crop_centre": 0.5, "gaussian_noise": 0.0, "uniform_noise": 0.1}

    def roughness(noise_first):
        views = MacoVisualizer(model, image_size=32, noise_first=noise_first, **settings).resolved.views()
        images = tf.fill((1, 32, 32, 3), 0.5)
        for view in views:
            images = view(images)
        return float(tf.math.reduce_std(images[:, 1:] - images[:, :-1]) / tf.math.reduce_std(images))

    assert roughness(False) == pytest.approx(2**0.5, rel=0.1)  # Independent pixels.
    assert roughness(True) < 0.5


@pytest.mark.parametrize(("crops", "whole"), [(1, 0), (2, 1), (3, 2), (8, 2)])
def test_at_least_one_view_is_a_crop(tiny_model, crops, whole):
    assert CBRVisualizer(tiny_model, crops=crops, whole_views=2).resolved.views()[0].whole == whole


@ALL
def test_a_list_of_transforms_means_the_same_in_all_methods(tiny_model, kind):
    noise = [GaussianNoise(0.1), tf.identity]
    views = kind(tiny_model, transforms=noise, antialias=False).resolved.views()
    assert views[:2] == noise
    assert (type(views[2]).__name__, views[2].size, views[2].antialias) == ("Resize", (16, 16), False)
    assert kinds(kind(tiny_model, transforms=[])) == ["Resize"]
    copies = kind(tiny_model, transforms=[], crops=3).resolved.views()
    assert [copies[0].count, type(copies[1]).__name__] == [3, "Resize"]


@ALL
def test_sets_of_transforms_by_name(tiny_model, kind):
    assert kinds(kind(tiny_model, transforms="lucid", crops=1)) == LUCID
    assert kinds(kind(tiny_model, transforms="lucid", crops=2)) == ["Repeat", *LUCID]
    paper = kinds(kind(tiny_model, transforms="paper", crops=1))
    assert paper[-1] == "Resize"
    assert paper != LUCID


def test_crops_use_an_implementation_that_xla_can_compile(tiny_model):
    crops = [RandomCrop(16, 4), RandomCrop(16, 4, implementation="gather")]

    def implementations(**settings):
        views = CBRVisualizer(tiny_model, **settings).resolved.views()
        return [view.implementation for view in views if isinstance(view, RandomCrop)]

    assert implementations(jit_compile=True) == ["matrices"]
    assert implementations(jit_compile=False) == ["auto"]
    # The user's choice stays, and so does the user's object.
    assert implementations(transforms=crops, jit_compile=True) == ["matrices", "gather"]
    assert implementations(transforms=crops, jit_compile=False) == ["auto", "gather"]
    assert crops[0].implementation == "auto"
    assert CBRVisualizer(tiny_model, transforms=crops, jit_compile=False).resolved.views()[0] is crops[0]


def test_the_default_optimizer_is_adam(tiny_model):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 2, 0.5)
    for rate, first in ((0.25, 0.25), (schedule, 0.5)):
        optimizer = CBRVisualizer(tiny_model, learning_rate=rate).resolved.default_optimizer()
        assert type(optimizer) is keras.optimizers.Adam
        assert float(optimizer.learning_rate) == first


def test_settings_of_none_say_where_their_values_are(tiny_model):
    with pytest.raises(RuntimeError, match=r"visualizer\.resolved"):
        MacoVisualizer(tiny_model).parametrization(1)


@pytest.mark.usefixtures("own_methods")
def test_a_method_needs_a_parametrization(tiny_model):
    class Mine(Visualizer):
        method = "Mine"

    with pytest.raises(TypeError, match="parametrization"):
        Mine(tiny_model)
