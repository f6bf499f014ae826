"""The baselines, Fourier and CBR: recipes, settings, and a step against one that is computed independently."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import CBRVisualizer, FourierVisualizer, Logit
from maco_tf.spectrum.colour import COLOUR_CORRELATION
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
    """The image, computed as in `lucid/optvis/param/spatial.py`."""
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
        (CBRVisualizer, {"decorrelate": False}, tf.sigmoid),
    ],
    ids=["Fourier", "Fourier with another decay", "CBR", "CBR from another start", "CBR in RGB"],
)
def test_one_step_equals_one_computed_independently(visualizer, settings, image):
    # The network has weights at every position. Behind a mean over positions, most of the spectrum's gradient would be
    # rounding errors, which Adam would amplify to full steps.
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


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("recipe", ["default", "paper", "lucid", "xplique"])
def test_recipes_raise_the_score(tiny_model, visualizer, recipe):
    explanation = visualizer(tiny_model, recipe, steps=12, image_size=32).explain(Logit([0, 3]), seed=0, verbose=0)
    assert explanation.images.shape == (2, 32, 32, 3)
    assert (explanation.scores[-3:].mean(0) > explanation.scores[0]).all()
    assert explanation.config["recipe"] == recipe
    assert explanation.transparency.any(axis=(1, 2)).all()


def test_recipes_have_the_published_settings():
    model = build_tiny_model(size=32)
    lucid, xplique = (FourierVisualizer(model, name).resolved for name in ("lucid", "xplique"))
    assert (lucid.steps, lucid.decay, lucid.std, lucid.image_size) == (512, 1.0, 0.01, (32, 32))
    assert (xplique.steps, xplique.decay, xplique.std, xplique.image_size) == (256, 0.85, 0.01, (512, 512))
    assert (lucid.stretch, xplique.stretch) == (False, True)
    assert FourierVisualizer(model, "paper").resolved.decay == 0.85
    for resolved in (lucid, xplique):
        assert float(resolved.default_optimizer().learning_rate) == pytest.approx(0.05)
    assert [type(transform).__name__ for transform in lucid.views()] == [
        *["Pad", "Jitter", "RandomScale", "RandomRotate", "Jitter"],
        "Resize",
    ]


@pytest.mark.parametrize(
    ("visualizer", "name", "value"),
    [
        (FourierVisualizer, "std", -1),
        (FourierVisualizer, "decay", -1),
        (FourierVisualizer, "gain", 0),
        (FourierVisualizer, "stretch", "yes"),
        (CBRVisualizer, "std", -1),
        (CBRVisualizer, "image_blur", -1),
        (CBRVisualizer, "gradient_blur", "strong"),
        (CBRVisualizer, "stretch", "yes"),
        (CBRVisualizer, "decorrelate", "no"),
        (FourierVisualizer, "decorrelate", 0),
    ],
)
def test_a_wrong_setting_is_named(tiny_model, visualizer, name, value):
    with pytest.raises(ValueError, match=f'"{name}" must be'):
        visualizer(tiny_model, **{name: value})


@pytest.mark.parametrize(
    ("visualizer", "jit_compile"),
    [
        (CBRVisualizer, False),
        pytest.param(CBRVisualizer, True, marks=pytest.mark.slow),
        pytest.param(FourierVisualizer, False, marks=pytest.mark.slow),
    ],
)
def test_the_image_is_blurred_between_steps_only(tiny_model, visualizer, jit_compile):
    # The optimizer stands still, so after five steps two blurs have happened and nothing else.
    settings = {**OFF, "image_size": 40, "steps": 5, "optimizer": keras.optimizers.SGD(0.0)}
    del settings["learning_rate"]
    still = visualizer(tiny_model, jit_compile=jit_compile, std=0.5, step_blur=1.0, step_blur_every=2, **settings)
    parametrization = still.resolved.parametrization(2)
    variables = parametrization.initialize(3)
    for _ in range(2):
        variables = parametrization.after_step(variables, 2)
    explanation = still.explain(Logit([0, 1]), seed=3, verbose=0)
    np.testing.assert_allclose(explanation.images, parametrization.image(variables), atol=1e-5)
    again = visualizer.from_config(tiny_model, still.config())
    assert (again.resolved.step_blur, again.resolved.step_blur_every) == (1.0, 2)


@BOTH
def test_decorrelation_is_a_setting_that_is_stored(tiny_model, visualizer):
    assert visualizer(tiny_model).config()["decorrelate"] is True
    rgb = visualizer(tiny_model, decorrelate=False)
    assert rgb.config()["decorrelate"] is False
    again = visualizer.from_config(tiny_model, rgb.config())
    assert again.resolved.parametrization(1).decorrelate is False


def test_settings_reach_the_parametrization(tiny_model):
    fourier = FourierVisualizer(tiny_model, image_size=(20, 32), decay=0.0, gain=2.0, std=0.1, stretch=True)
    parametrization = fourier.resolved.parametrization(2)
    assert (parametrization.image_shape, parametrization.batch_size) == ((20, 32, 3), 2)
    assert (parametrization.gain, parametrization.std, parametrization.stretch) == (2.0, 0.1, True)
    np.testing.assert_allclose(parametrization.scale, np.sqrt(20 * 32))
    pixels = CBRVisualizer(tiny_model, image_blur=0.5, gradient_blur=1.5, std=0.2).resolved.parametrization(1)
    assert (pixels.image_blur, pixels.gradient_blur, pixels.std, pixels.stretch) == (0.5, 1.5, 0.2, False)
