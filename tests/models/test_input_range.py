"""The input range that a model expects: found where it is sure, warned of where it is doubtful, silent otherwise."""

import gc
import re
import types
import weakref

import keras
import numpy as np
import pytest
import skimage.data
import tensorflow as tf

from maco_tf.exemplars import find_exemplars
from maco_tf.metrics import FeatureExtractor, classify
from maco_tf.models import Activations, zoo
from maco_tf.models.input_range import find_input_range
from maco_tf.models.probing import misfit, natural_image
from maco_tf.objectives import Channel, Logit
from maco_tf.visualizers import CBRVisualizer, MacoVisualizer
from tests.conftest import build_tiny_model

SHAPE = (16, 16, 3)
SMALL = {"steps": 2, "crops": 2, "image_size": 24, "jit_compile": False}
TORCH_MEAN, TORCH_STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def behind(*layers, network=None):
    """A network with layers before it."""
    image = keras.Input(SHAPE)
    x = image
    for layer in layers:
        x = layer(x)
    return keras.Model(image, (network or build_tiny_model())(x))


def found(model, shape=SHAPE):
    return find_input_range(model, shape)


class ByHand(keras.Model):
    """A subclassed model that scales its images with plain operations."""

    def __init__(self, scale):
        super().__init__()
        self.scale, self.network = scale, build_tiny_model()

    def call(self, x, training=None):
        return self.network(self.scale(x), training=training)


def by_hand(scale):
    model = ByHand(scale)
    model(np.zeros((1, *SHAPE), "float32"))
    return model


def rescaling(*arguments):
    return keras.layers.Rescaling(*arguments)


def normalization(mean, variance):
    return keras.layers.Normalization(mean=mean, variance=variance)


INPUTS = {
    "Rescaling(1/255)": (lambda: behind(rescaling(1 / 255)), "0-255"),
    "Rescaling(1/127.5, -1)": (lambda: behind(rescaling(1 / 127.5, -1)), "0-255"),
    "Normalization of [0, 255]": (lambda: behind(normalization([77.0] * 3, [3000.0] * 3)), "0-255"),
    "mean subtracted": (lambda: behind(rescaling(1.0, [-124.0, -117.0, -104.0])), "0-255"),
    "Rescaling and Normalization": (
        lambda: behind(rescaling(1 / 255), normalization(TORCH_MEAN, TORCH_STD**2)),
        "0-255",
    ),
    "padding before": (
        lambda: behind(keras.layers.ZeroPadding2D(1), keras.layers.CenterCrop(16, 16), rescaling(1 / 255)),
        "0-255",
    ),
    "nested twice": (lambda: behind(network=behind(network=behind(rescaling(1 / 255)))), "0-255"),
    "Sequential": (lambda: keras.Sequential([keras.Input(SHAPE), rescaling(1 / 255), build_tiny_model()]), "0-255"),
    "x / 255 by hand": (lambda: by_hand(lambda x: x / 255), "0-255"),
    "BGR by hand": (lambda: by_hand(lambda x: tf.reverse(x, [-1]) - [104.0, 117.0, 124.0]), "0-255"),
    "operations of Keras": (lambda: behind(lambda x: keras.ops.cast(x, "float32") / 127.5 - 1), "0-255"),
    "(x + 1) / 2": (lambda: behind(rescaling(0.5, 0.5)), "tf"),
    "nothing": (build_tiny_model, None),
    "Rescaling(255)": (lambda: behind(rescaling(255.0)), None),
    "255 and 1/255": (lambda: behind(rescaling(255.0), rescaling(1 / 255)), None),
    "2 x - 1": (lambda: behind(rescaling(2.0, -1)), None),
    "Normalization of [0, 1]": (lambda: behind(normalization(TORCH_MEAN, TORCH_STD**2)), None),
    "each image standardised": (lambda: by_hand(tf.image.per_image_standardization), None),
}


@pytest.mark.parametrize(("make", "mode"), INPUTS.values(), ids=INPUTS)
def test_layers_at_the_input_show_the_range(make, mode, recwarn):
    reading = found(make())
    assert reading.mode == mode
    assert not reading.doubt
    assert bool(reading.sentence) == (mode is not None)


@pytest.mark.parametrize(
    ("layer", "argument"),
    [(rescaling(1 / 65535), "lambda x: 65535 "), (normalization([-0.5] * 3, [0.3] * 3), '"tf"')],
)
def test_a_doubtful_range_is_warned_of_with_the_argument(layer, argument):
    with pytest.warns(UserWarning, match=f"{argument}.*preprocessing=None"):
        assert Activations(behind(layer)).preprocessing is None


def test_a_preprocessor_outside_the_model_is_warned_of_with_its_scale():
    """KerasHub's classifiers keep theirs outside: it computes `scale * x + offset` on pixels in [0, 255]."""
    model = build_tiny_model()
    model.preprocessor = types.SimpleNamespace(
        image_converter=types.SimpleNamespace(scale=[0.01, 0.02, 0.03], offset=[-2])
    )
    written = re.search(r"preprocessing=(lambda x: .*?); or preprocessing=None", found(model).doubt)[1]
    np.testing.assert_allclose(eval(written)(np.ones(3)), [0.55, 3.1, 5.65], rtol=1e-6)


def test_the_warning_comes_once_for_a_model(recwarn):
    model = behind(rescaling(1 / 65535))
    for _ in range(2):
        Activations(model)
        CBRVisualizer(model, **SMALL)
    assert len([warning for warning in recwarn if "preprocessing=None" in str(warning.message)]) == 1


@pytest.mark.slow
def test_the_explanation_behind_a_rescaling_is_that_of_the_network(capsys):
    """To rounding: the images are multiplied by 255 and divided again."""
    network = build_tiny_model()
    wrapped = behind(rescaling(1 / 255), network=network)
    visualizer = MacoVisualizer(wrapped, **SMALL)
    assert visualizer.resolved.preprocessing == visualizer.config()["preprocessing"] == "0-255"
    result = visualizer.explain(Logit([1, 3]), seed=0)
    direct = MacoVisualizer(network, **SMALL).explain(Logit([1, 3]), seed=0, verbose=0)
    np.testing.assert_allclose(result.images, direct.images, atol=1e-3)
    np.testing.assert_allclose(result.scores, direct.scores, rtol=1e-3)
    assert capsys.readouterr().out.count("preprocessing='0-255'") == 1
    visualizer.explain(Logit([1, 3]), seed=0)
    assert "preprocessing" not in capsys.readouterr().out
    # Made again with the stored range, whatever "auto" finds then.
    again = result.again(wrapped, verbose=0)
    np.testing.assert_array_equal(again.images, result.images)
    assert again.config["preprocessing"] == "0-255"


@pytest.mark.slow
def test_an_explicit_range_is_kept_and_silent(capsys, recwarn):
    wrapped = behind(rescaling(1 / 255))
    for given in (None, "tf", "0-255"):
        visualizer = CBRVisualizer(wrapped, **SMALL, preprocessing=given)
        assert visualizer.resolved.preprocessing == given
        visualizer.explain(Logit(1), seed=0, verbose=1)
    assert "Input range" not in capsys.readouterr().out
    assert not [warning for warning in recwarn if "preprocessing" in str(warning.message)]


def test_scores_features_and_classes_use_the_range_too(rng):
    network = build_tiny_model()
    wrapped = behind(rescaling(1 / 255), network=network)
    images = rng.uniform(size=(4, *SHAPE)).astype("float32")
    np.testing.assert_allclose(classify(images, wrapped, verbose=0), network(images), atol=1e-5)
    np.testing.assert_allclose(
        FeatureExtractor(wrapped, "conv")(images, verbose=0),
        FeatureExtractor(network, "conv")(images, verbose=0),
        atol=1e-5,
    )
    found, direct = (find_exemplars(model, "conv", images, 2, verbose=0) for model in (wrapped, network))
    np.testing.assert_allclose(found.scores, direct.scores, atol=1e-5)


@pytest.mark.slow
def test_a_range_that_is_applied_is_said_once_for_a_model(rng, capsys):
    images = rng.uniform(size=(4, *SHAPE)).astype("float32")

    def said(*actions):
        model, counts = behind(rescaling(1 / 255)), []
        for action in actions:
            action(model)
            counts.append(capsys.readouterr().out.count("Input range: preprocessing='0-255'"))
        return counts

    def searched(model):
        find_exemplars(model, Channel("conv", 1), images, 2)

    def extracted(model):
        FeatureExtractor(model, "conv")(images, verbose=1)

    def classified(model):
        classify(images, model, verbose=0)

    def explained(model):
        CBRVisualizer(model, **{**SMALL, "steps": 1}).explain(Logit(1), seed=0, verbose=1)

    assert said(searched, searched, extracted) == [1, 0, 0]
    assert said(classified, extracted, extracted, searched) == [0, 1, 0, 0]
    assert said(explained, explained, searched) == [1, 0, 0]


def test_the_model_is_neither_changed_nor_kept():
    model = behind(rescaling(1 / 255), keras.layers.BatchNormalization())
    before, call = [variable.numpy() for variable in model.variables], keras.Operation.__call__
    assert found(model).mode == "0-255"
    assert keras.Operation.__call__ is call
    for variable, value in zip(model.variables, before):
        np.testing.assert_array_equal(variable, value)
    reference = weakref.ref(model)
    del model
    keras.backend.clear_session()
    gc.collect()
    assert reference() is None


def test_a_model_is_read_again_after_its_normalisation_is_adapted(rng):
    layer = keras.layers.Normalization()
    layer.build((None, *SHAPE))
    model = behind(layer)
    assert found(model) is found(model)
    assert found(model).mode is None
    layer.adapt(rng.uniform(0, 255, size=(8, *SHAPE)).astype("float32"))
    assert found(model).mode == "0-255"


class Compiled(ByHand):
    """A model whose whole call is a `tf.function`, in which no layer sees a value."""

    @tf.function
    def call(self, x, training=None):
        return self.network(self.scale(x), training=training)


def test_the_range_of_a_model_that_is_a_tf_function_is_found(recwarn):
    for scale, mode in (
        (rescaling(1 / 255), "0-255"),
        (rescaling(2.0, -1.0), None),
        (rescaling(1 / 127.5, -1), "0-255"),
    ):
        model = Compiled(scale)
        model(np.zeros((1, *SHAPE), "float32"))
        assert found(model).mode == mode
        # Its function is run eagerly for a moment only.
        assert not tf.config.functions_run_eagerly()
    assert not recwarn.list


class PlainOperations(keras.Model):
    """A model without layers."""

    def __init__(self):
        super().__init__()
        self.kernel = self.add_weight(shape=(3, 4))

    def call(self, x, training=None):
        return tf.reduce_mean(x / 255, axis=(1, 2)) @ self.kernel


def test_a_model_that_shows_no_layer_is_doubtful():
    model = PlainOperations()
    model(np.zeros((1, *SHAPE), "float32"))
    assert found(model).mode is None
    assert "could not be read" in found(model).doubt
    assert "preprocessing=None" in found(model).doubt


def test_the_range_is_found_inside_a_tf_function():
    modes, model = [], behind(rescaling(1 / 255))
    tf.function(lambda: modes.append(found(model).mode), autograph=False)()
    assert modes == ["0-255"]


FAMILIES = {
    "ResNet50": (32, "caffe"),
    "ResNet50V2": (32, "tf"),
    "VGG16": (32, "caffe"),
    "MobileNetV2": (32, "tf"),
    "DenseNet121": (32, "torch"),
    "MobileNetV3Small": (32, "0-255"),
    "ConvNeXtTiny": (32, "0-255"),
    "EfficientNetB0": (32, "0-255"),
    "EfficientNetV2B0": (32, "0-255"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_families_of_keras_applications(name, recwarn):
    side, mode = FAMILIES[name]
    model = getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3), include_top=False)
    assert found(model, (side, side, 3)).mode == mode
    assert not found(model, (side, side, 3)).doubt
    inputs = keras.Input((side, side, 3))
    classes = keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(model(inputs)))
    derived = found(keras.Model(inputs, classes), (side, side, 3))
    # A head of one's own may have been trained with images in another range.
    assert (derived.mode == "0-255") if mode == "0-255" else f'preprocessing="{mode}"' in derived.doubt


def trained_in(scale):
    """A convolution and a batch norm whose statistics are those of natural images times a factor."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.BatchNormalization(name="norm")(keras.layers.Conv2D(16, 3, strides=2, use_bias=False)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Flatten()(keras.layers.ReLU()(x))))
    before = model.layers[1](scale * natural_image((32, 32, 3))).numpy()
    model.get_layer("norm").moving_variance.assign(1.5 * before.var((0, 1, 2)))
    model.get_layer("norm").moving_mean.assign(before.mean((0, 1, 2)))
    return model


def test_the_first_batch_norm_shows_a_range_that_is_wrong_by_a_large_factor():
    image = natural_image((32, 32, 3))
    large = trained_in(255)
    assert misfit(large, 255 * image) == pytest.approx(np.log(1.5), abs=1e-3)
    assert misfit(large, image) == pytest.approx(np.log(1.5 * 255**2), abs=1e-3)
    assert 'preprocessing="0-255"' in found(large, (32, 32, 3)).doubt
    for scale in (1, 2):
        assert not found(trained_in(scale), (32, 32, 3)).doubt
    assert misfit(build_tiny_model(), image[:, :16, :16]) is None


def test_the_natural_image_has_the_mean_and_the_spectrum_of_nature():
    image = natural_image((64, 48, 3))
    assert image.mean() == pytest.approx(0.45, abs=0.02)
    assert image.std() == pytest.approx(0.225, abs=0.03)
    power = np.abs(np.fft.fft2(image[0, :, :, 1])) ** 2
    # Amplitude falls as 1 / f: eight times the frequency, a 64th of the power, up to clipping.
    slow, fast = power[2, 2:6].mean() + power[2, -5:-1].mean(), power[16, 2:20].mean() + power[16, -19:-1].mean()
    assert 15 < slow / fast < 200


@pytest.mark.network
@pytest.mark.parametrize("name", ["efficientnet_lite0", "squeezenet", "mobilenet_v2", "vit_s14"])
def test_networks_of_the_zoo_are_silent_and_known_behind_a_rescaling(name):
    network = zoo.load(name)
    shape = Activations(network).input_shape
    assert found(network, shape) == type(found(network, shape))()
    image = keras.Input(shape)
    assert found(keras.Model(image, network(rescaling(1 / 255)(image))), shape).mode == "0-255"


@pytest.mark.network
def test_squeezenet_behind_a_rescaling_gives_the_images_of_squeezenet():
    network = zoo.load("squeezenet")
    image = keras.Input(network.input_shape[1:])
    wrapped = keras.Model(image, network(rescaling(1 / 255)(image)))
    settings = {"steps": 3, "crops": 2, "jit_compile": False}
    results = [
        MacoVisualizer(model, **settings).explain(Logit("pug"), seed=0, verbose=0) for model in (network, wrapped)
    ]
    np.testing.assert_allclose(results[1].images, results[0].images, atol=0.02)
    np.testing.assert_allclose(results[1].scores, results[0].scores, atol=1e-2)
    cat = zoo.entry("squeezenet").prepare(skimage.data.chelsea())[None]
    np.testing.assert_allclose(classify(cat, wrapped, verbose=0), classify(cat, network, verbose=0), atol=1e-4)
