"""Runs that start at an image."""

import numpy as np
import pytest

from maco_tf import CBRVisualizer, FourierVisualizer, Logit, MacoVisualizer, estimate_magnitude
from tests.conftest import build_tiny_model


@pytest.fixture
def image(rng):
    """A dark picture, whose mean is below mid-grey, of blocks, with noise so that no wave is absent."""
    blocks = rng.uniform(0.1, 0.6, size=(8, 6, 3))
    return (np.kron(blocks, np.ones((4, 4, 1))) + rng.uniform(0, 0.05, (32, 24, 3))).astype("float32")


def start_of(visualizer, images):
    parametrization = visualizer.resolved.parametrization(len(images))
    return parametrization, parametrization.from_images(images)


@pytest.mark.parametrize("size", [(32, 24), (31, 24), (32, 23), (31, 23)])
def test_with_its_own_magnitude_maco_starts_at_the_image_itself(tiny_model, image, size):
    image = image[: size[0], : size[1]]
    magnitude = estimate_magnitude(image[None], verbose=0)
    visualizer = MacoVisualizer(tiny_model, magnitude=magnitude, mean_level=1.0, image_size=size)
    parametrization, variables = start_of(visualizer, image[None])
    np.testing.assert_allclose(parametrization.image(variables)[0], image, atol=2e-3)
    assert variables[0].shape == parametrization.initialize(0)[0].shape


def test_under_a_natural_magnitude_it_keeps_the_phase(tiny_model, image):
    visualizer = MacoVisualizer(tiny_model, image_size=(32, 24))
    parametrization, variables = start_of(visualizer, image[None])
    x = parametrization.spatial(variables).numpy()[0]
    own = np.fft.rfft2(np.log(image / (1 - image)) @ np.linalg.inv(visualizer_colours()), axes=(0, 1))
    found = np.fft.rfft2(x.astype("float64"), axes=(0, 1))
    own[0, 0], found[0, 0] = 1.0, 1.0
    np.testing.assert_allclose(found / np.abs(found), own / np.abs(own), atol=1e-2)
    magnitude = np.abs(found).transpose(2, 0, 1) / np.maximum(parametrization.magnitude, 1e-12)
    magnitude[:, 0, 0] = 1.0
    np.testing.assert_allclose(magnitude, 1, atol=1e-3)


def visualizer_colours():
    from maco_tf.spectrum import COLOUR_CORRELATION

    return COLOUR_CORRELATION.astype("float64")


@pytest.mark.parametrize("kind", [FourierVisualizer, CBRVisualizer])
def test_the_baselines_start_at_the_image_itself(tiny_model, image, kind):
    parametrization, variables = start_of(kind(tiny_model, image_size=(32, 24)), np.stack([image, image[::-1]]))
    np.testing.assert_allclose(parametrization.image(variables)[1], image[::-1], atol=1e-3)
    assert variables[0].shape == parametrization.initialize(0)[0].shape


@pytest.mark.parametrize("kind", [MacoVisualizer, FourierVisualizer, CBRVisualizer])
def test_a_run_goes_on_from_the_image_and_the_next_is_random_again(tiny_model, image, kind):
    visualizer = kind(tiny_model, steps=1, image_size=(32, 24), learning_rate=1e-4)
    random = visualizer.explain(Logit(0), seed=1, verbose=0)
    begun = visualizer.explain(Logit([0]), seed=1, start=np.round(255 * image).astype("uint8"), verbose=0)
    parametrization, variables = start_of(visualizer, np.round(255 * image)[None] / np.float32(255))
    np.testing.assert_allclose(begun.images, parametrization.image(variables), atol=5e-3)
    np.testing.assert_array_equal(visualizer.explain(Logit(0), seed=1, verbose=0).images, random.images)
    assert visualizer.traces == 1
    assert random.config["start"] == "random"
    assert len(begun.config["start"]["sha256"]) == 64


def test_one_start_serves_every_objective_or_each_has_its_own(tiny_model, image):
    visualizer = MacoVisualizer(tiny_model, steps=1, image_size=(32, 24), learning_rate=1e-4)
    one = visualizer.explain(Logit([0, 0]), seed=0, start=image, verbose=0)
    np.testing.assert_allclose(one.images[0], one.images[1], atol=5e-3)
    two = visualizer.explain(Logit([0, 0]), seed=0, start=np.stack([image, image[::-1]]), verbose=0)
    np.testing.assert_allclose(two.images[0], one.images[0], atol=5e-3)
    assert np.abs(two.images[1] - one.images[1]).mean() > 0.05


@pytest.mark.parametrize(
    "visualizer",
    [
        lambda model: MacoVisualizer(model, "xplique", steps=1),
        lambda model: FourierVisualizer(model, "xplique", steps=1),
        lambda model: CBRVisualizer(model, steps=1, stretch=True),
        lambda model: CBRVisualizer(model, steps=1, image_blur=1.0),
    ],
)
def test_settings_that_would_change_the_image_are_refused(tiny_model, image, visualizer):
    with pytest.raises(ValueError, match=r'"start" must be None'):
        visualizer(tiny_model).explain(Logit(0), start=image, verbose=0)


@pytest.mark.parametrize("shape", [(3, 8, 8, 3), (8, 8, 1), (8, 8)])
def test_starts_that_do_not_fit(shape):
    with pytest.raises(ValueError, match='"start" must'):
        MacoVisualizer(build_tiny_model(), image_size=24).explain(Logit([0, 1]), start=np.zeros(shape))


@pytest.mark.parametrize("level", [-0.1, "grey", True, float("inf")])
def test_bad_mean_levels(tiny_model, level):
    with pytest.raises(ValueError, match='"mean_level"'):
        MacoVisualizer(tiny_model, mean_level=level)


def test_an_explanation_is_a_start(tiny_model):
    visualizer = MacoVisualizer(tiny_model, steps=1, crops=2, image_size=24)
    first = visualizer.explain(Logit([0, 1]), seed=0, verbose=0)
    going_on = [visualizer.explain(Logit([0, 1]), seed=1, start=start, verbose=0) for start in (first, first.images)]
    np.testing.assert_array_equal(going_on[0].images, going_on[1].images)
    assert going_on[0].config == going_on[1].config
