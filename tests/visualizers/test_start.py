"""Runs that start at an image: the inverse of each parametrization, and `explain(start=...)`."""

import numpy as np
import pytest

from maco_tf import CBRVisualizer, FourierVisualizer, Logit, MacoVisualizer, estimate_magnitude
from maco_tf.spectrum import COLOUR_CORRELATION
from maco_tf.transforms import GaussianNoise


@pytest.fixture
def image(rng):
    """A dark picture of coloured blocks. Its noise puts energy into every bin of the spectrum."""
    blocks = rng.uniform(0.1, 0.6, size=(8, 6, 3))
    return (np.kron(blocks, np.ones((4, 4, 1))) + rng.uniform(0, 0.05, (32, 24, 3))).astype("float32")


def start_of(visualizer, images):
    parametrization = visualizer.resolved.parametrization(len(images))
    return parametrization, parametrization.from_images(images)


@pytest.mark.parametrize("size", [(32, 24), (31, 24), (32, 23), (31, 23)])
def test_with_the_magnitude_of_the_image_maco_starts_at_the_image(tiny_model, image, size):
    image = image[: size[0], : size[1]]
    magnitude = estimate_magnitude(image[None], periodic=False, verbose=0)
    visualizer = MacoVisualizer(tiny_model, magnitude=magnitude, mean_level=1.0, image_size=size)
    parametrization, variables = start_of(visualizer, image[None])
    np.testing.assert_allclose(parametrization.image(variables)[0], image, atol=2e-3)
    assert variables[0].shape == parametrization.initialize(0)[0].shape


def test_with_another_magnitude_maco_keeps_the_phase_of_the_image(tiny_model, image):
    visualizer = MacoVisualizer(tiny_model, image_size=(32, 24))
    parametrization, variables = start_of(visualizer, image[None])
    x = parametrization.spatial(variables).numpy()[0]
    decorrelated = np.log(image / (1 - image)) @ np.linalg.inv(COLOUR_CORRELATION.astype("float64"))
    expected = np.fft.rfft2(decorrelated, axes=(0, 1))
    found = np.fft.rfft2(x.astype("float64"), axes=(0, 1))
    expected[0, 0], found[0, 0] = 1.0, 1.0
    np.testing.assert_allclose(found / np.abs(found), expected / np.abs(expected), atol=1e-2)
    magnitude = np.abs(found).transpose(2, 0, 1) / np.maximum(parametrization.magnitude, 1e-12)
    magnitude[:, 0, 0] = 1.0
    np.testing.assert_allclose(magnitude, 1, atol=1e-3)


@pytest.mark.parametrize("kind", [FourierVisualizer, CBRVisualizer])
def test_the_baselines_start_at_the_image(tiny_model, image, kind):
    parametrization, variables = start_of(kind(tiny_model, image_size=(32, 24)), np.stack([image, image[::-1]]))
    np.testing.assert_allclose(parametrization.image(variables)[1], image[::-1], atol=1e-3)
    assert variables[0].shape == parametrization.initialize(0)[0].shape


@pytest.mark.parametrize(
    "kind",
    [MacoVisualizer, *(pytest.param(kind, marks=pytest.mark.slow) for kind in (FourierVisualizer, CBRVisualizer))],
)
def test_a_run_starts_at_the_image_and_the_next_one_is_random_again(tiny_model, image, kind):
    visualizer = kind(tiny_model, steps=1, transforms=[], image_size=(32, 24), learning_rate=1e-4)
    random = visualizer.explain(Logit(0), seed=1, verbose=0)
    begun = visualizer.explain(Logit([0]), seed=1, start=np.round(255 * image).astype("uint8"), verbose=0)
    parametrization, variables = start_of(visualizer, np.round(255 * image)[None] / np.float32(255))
    np.testing.assert_allclose(begun.images, parametrization.image(variables), atol=5e-3)
    np.testing.assert_array_equal(visualizer.explain(Logit(0), seed=1, verbose=0).images, random.images)
    assert visualizer.traces == 1
    assert random.config["start"] == "random"
    assert len(begun.config["start"]["sha256"]) == 64


def test_objectives_share_one_start_or_get_one_start_for_each(tiny_model, image):
    visualizer = MacoVisualizer(tiny_model, steps=1, transforms=[], image_size=(32, 24), learning_rate=1e-4)
    one = visualizer.explain(Logit([0, 0]), seed=0, start=image, verbose=0)
    np.testing.assert_allclose(one.images[0], one.images[1], atol=5e-3)
    two = visualizer.explain(Logit([0, 0]), seed=0, start=np.stack([image, image[::-1]]), verbose=0)
    np.testing.assert_allclose(two.images[0], one.images[0], atol=5e-3)
    assert np.abs(two.images[1] - one.images[1]).mean() > 0.05


def test_an_explanation_can_be_a_start(tiny_model):
    visualizer = CBRVisualizer(tiny_model, steps=1, transforms=[GaussianNoise(0.1)], image_size=24)
    first = visualizer.explain(Logit([0, 1]), seed=0, verbose=0)
    second, third = (
        visualizer.explain(Logit([0, 1]), seed=1, start=start, verbose=0) for start in (first, first.images)
    )
    np.testing.assert_array_equal(second.images, third.images)
    assert second.config == third.config


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (MacoVisualizer, {"recipe": "xplique"}),
        (FourierVisualizer, {"recipe": "xplique"}),
        (CBRVisualizer, {"stretch": True}),
        (CBRVisualizer, {"image_blur": 1.0}),
    ],
)
def test_settings_that_would_change_the_image_forbid_a_start(tiny_model, image, kind, settings):
    with pytest.raises(ValueError, match=r'"start" must be None'):
        kind(tiny_model, steps=1, **settings).explain(Logit(0), start=image, verbose=0)
