"""Fourier and CBR: the same promises as MACO, and parity with a step computed independently."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import CBRVisualizer, Channel, Explanation, FourierVisualizer, Logit, MacoVisualizer, TotalVariation
from maco_tf.spectrum import imagenet_magnitude
from maco_tf.spectrum.colour import COLOUR_CORRELATION
from maco_tf.transforms import lucid_standard
from tests.conftest import build_tiny_model

BOTH = pytest.mark.parametrize("visualizer", [FourierVisualizer, CBRVisualizer])
OFF = {"crops": 1, "transforms": [], "image_size": "input", "learning_rate": 0.05}


def adam_step(variable, score, learning_rate=0.05):
    """Adam's first step upwards, from its definition: after bias correction, both moments are those of the gradient.

    Keras adds epsilon before the correction of the second moment ("epsilon hat" in Kingma and Ba, 2015, section 2).
    """
    with tf.GradientTape() as tape:
        tape.watch(variable)
        value = score(variable)
    gradient = -tape.gradient(value, variable).numpy().astype("float64")
    return variable.numpy() - learning_rate * gradient / (np.abs(gradient) + 1e-7 / np.sqrt(1 - 0.999))


def lucid_fourier_image(variable, decay):
    """The image as `lucid/optvis/param/spatial.py` computes it."""
    height, width = variable.shape[3], 2 * (variable.shape[4] - 1)
    frequency = np.sqrt(np.fft.fftfreq(height)[:, None] ** 2 + np.fft.fftfreq(width)[: width // 2 + 1] ** 2)
    scale = np.sqrt(width * height) / np.maximum(frequency, 1.0 / max(width, height)) ** decay
    spectrum = tf.complex(variable[:, 0], variable[:, 1]) * tf.cast(scale, tf.complex64)
    x = tf.transpose(tf.signal.irfft2d(spectrum), (0, 2, 3, 1)) / 4.0
    return tf.sigmoid(tf.einsum("bhwc,cd->bhwd", x, COLOUR_CORRELATION))


def pixel_image(variable):
    return tf.sigmoid(tf.einsum("bhwc,cd->bhwd", variable, COLOUR_CORRELATION))


@pytest.mark.parametrize(
    ("visualizer", "settings", "image"),
    [
        (FourierVisualizer, {}, lambda v: lucid_fourier_image(v, 1.0)),
        (FourierVisualizer, {"decay": 0.85}, lambda v: lucid_fourier_image(v, 0.85)),
        (CBRVisualizer, {}, pixel_image),
        (CBRVisualizer, {"std": 0.3}, pixel_image),
    ],
)
def test_one_step_equals_one_computed_independently(visualizer, settings, image):
    # Weights at every position. Behind a mean over positions, most of the spectrum's gradient would be rounding, which
    # Adam would amplify to a full step.
    keras.utils.set_random_seed(0)
    logits = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(4, 3, activation="tanh"),
            keras.layers.Flatten(),
            keras.layers.Dense(5),
        ]
    )
    visualizer = visualizer(logits, steps=1, **OFF, **settings)
    start = visualizer.resolved.parametrization(1).initialize(7)[0]
    after = adam_step(start, lambda v: logits(image(v))[0, 2])
    explanation = visualizer.explain(Logit(2), seed=7, verbose=0)
    np.testing.assert_allclose(explanation.images, image(tf.constant(after, tf.float32)), atol=1e-4)
    np.testing.assert_allclose(explanation.scores[0, 0], logits(image(start))[0, 2], atol=1e-4)


@BOTH
@pytest.mark.parametrize("recipe", ["default", "paper", "lucid", "xplique"])
def test_recipes_run_and_raise_the_score(tiny_model, visualizer, recipe):
    explanation = visualizer(tiny_model, recipe, steps=12, image_size=48).explain(Logit([0, 3]), seed=0, verbose=0)
    assert explanation.images.shape == (2, 48, 48, 3)
    assert (explanation.scores[-3:].mean(0) > explanation.scores[0]).all()
    assert explanation.config["recipe"] == recipe
    assert explanation.transparency.any(axis=(1, 2)).all()


def test_named_settings_are_the_published_ones(tiny_model):
    model = build_tiny_model(size=32)
    lucid, xplique = (FourierVisualizer(model, name).resolved for name in ("lucid", "xplique"))
    assert (lucid.steps, lucid.decay, lucid.std, lucid.image_size) == (512, 1.0, 0.01, (32, 32))
    assert (xplique.steps, xplique.decay, xplique.std, xplique.image_size) == (256, 0.85, 0.01, (512, 512))
    assert [float(v.default_optimizer().learning_rate) for v in (lucid, xplique)] == [pytest.approx(0.05)] * 2
    assert [type(t).__name__ for t in lucid.views()[:-1]] == [
        "Pad",
        "Jitter",
        "RandomScale",
        "RandomRotate",
        "Jitter",
    ]


@BOTH
def test_one_word_changes_the_method(tiny_model, visualizer, tmp_path):
    objective = Logit(1) - 0.5 * Channel("conv", 2) - 0.1 * TotalVariation()
    settings = {"steps": 4, "crops": 2, "image_size": 32, "steps_per_execution": 2}
    results = [
        kind(tiny_model, **settings).explain(objective, seed=3, verbose=0) for kind in (visualizer, MacoVisualizer)
    ]
    assert [type(result) for result in results] == [Explanation] * 2
    assert results[0].names == results[1].names
    assert results[0].config["method"] != results[1].config["method"]
    results[0].save(tmp_path)
    assert np.array_equal(Explanation.load(tmp_path).images, results[0].images)


@BOTH
def test_results_repeat_and_seeds_differ(tiny_model, visualizer):
    built = visualizer(tiny_model, steps=5, crops=3, image_size=32)
    first, again, other = (built.explain(Logit(1), seed=seed, verbose=0).images for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert built.traces == 1
    built.explain(Logit(4), seed=0, verbose=0)
    assert built.traces == 1


@BOTH
def test_any_number_of_channels(visualizer):
    model = build_tiny_model(channels=5)
    images = visualizer(model, steps=2, crops=2, image_size=32).explain(Logit(0), seed=0, verbose=0).images
    assert images.shape == (1, 32, 32, 5)


@BOTH
def test_gradients_compile_under_xla(tiny_model, visualizer):
    plain, compiled = (
        visualizer(tiny_model, steps=1, image_size=32, crops=2, jit_compile=jit, transforms=[]) for jit in (False, True)
    )
    images = [built.explain(Logit(1), seed=0, verbose=0).images for built in (plain, compiled)]
    np.testing.assert_allclose(*images, atol=1e-3)


@BOTH
@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"recipe": "best"}, '"recipe"'),
        ({"steps": 0}, '"steps"'),
        ({"crops": 0}, '"crops"'),
        ({"crops": 0, "transforms": []}, '"crops"'),
        ({"crops": 2.5}, '"crops"'),
        ({"std": -1}, '"std"'),
        ({"learning_rate": 0}, '"learning_rate"'),
        ({"learning_rate": "fast"}, '"learning_rate"'),
        ({"learning_rate": 0.1, "optimizer": keras.optimizers.Adam()}, '"learning_rate"'),
        ({"transforms": [3]}, '"transforms"'),
        ({"image_size": 4}, '"image_size"'),
        ({"antialias": "yes"}, '"antialias"'),
        ({"antialias": False}, '"antialias" belongs'),
        ({"recipe": ["lucid"]}, '"recipe"'),
        ({"stretch": "yes"}, '"stretch"'),
    ],
)
def test_wrong_settings_are_refused(tiny_model, visualizer, settings, match):
    with pytest.raises(ValueError, match=match):
        visualizer(tiny_model, **settings)


def test_own_settings_are_checked(tiny_model):
    for visualizer, settings in (
        (FourierVisualizer, {"decay": -1}),
        (FourierVisualizer, {"gain": 0}),
        (CBRVisualizer, {"image_blur": -1}),
        (CBRVisualizer, {"gradient_blur": "much"}),
    ):
        with pytest.raises(ValueError, match=f'"{next(iter(settings))}"'):
            visualizer(tiny_model, **settings)


@pytest.mark.parametrize("visualizer", [FourierVisualizer, CBRVisualizer, MacoVisualizer])
def test_one_list_of_transforms_means_the_same_to_all(tiny_model, visualizer):
    def kinds(**settings):
        built = visualizer(tiny_model, steps=2, image_size=48, **settings)
        built.explain(Logit(1), seed=0, verbose=0)
        return [type(transform).__name__ for transform in built.resolved.views()]

    names = ["Pad", "Jitter", "RandomScale", "RandomRotate", "Jitter", "Resize"]
    assert kinds(transforms=lucid_standard()) == names
    assert kinds(transforms=lucid_standard(), crops=3) == ["Repeat", *names]
    assert kinds(transforms=[]) == ["Resize"]


def test_equal_settings_have_equal_configs(tiny_model):
    first, second = (MacoVisualizer(tiny_model, image_size=32).config() for _ in range(2))
    assert first == second
    magnitude = imagenet_magnitude(64, 64)
    other = MacoVisualizer(tiny_model, image_size=32, magnitude=magnitude).config()
    assert {key for key in first if first[key] != other[key]} == {"magnitude"}
