import dataclasses
import json

import keras
import numpy as np
import pytest

from maco_tf import Logit, MacoVisualizer, estimate_magnitude
from maco_tf.spectrum import Magnitude, from_image, imagenet_magnitude, natural_magnitude
from maco_tf.spectrum.frequencies import standard_deviation
from maco_tf.transforms import Normal
from tests.conftest import build_tiny_model


@pytest.mark.parametrize(
    "recipe", ["paper", *(pytest.param(name, marks=pytest.mark.slow) for name in ("default", "fast", "xplique"))]
)
def test_recipes_run(tiny_model, recipe):
    explanation = MacoVisualizer(tiny_model, recipe, steps=3, image_size=32).explain(Logit(0), seed=0, verbose=0)
    assert np.isfinite(explanation.scores).all()
    assert explanation.images.std() > 0.05


def test_recipes_have_the_published_settings(tiny_model):
    paper, xplique = (MacoVisualizer(tiny_model, name).resolved for name in ("paper", "xplique"))
    assert paper.image_size == xplique.image_size == (512, 512)
    assert paper.steps == xplique.steps == 256
    assert (paper.phase, xplique.phase) == ("uniform", "standardized")
    for resolved in (paper, xplique):
        optimizer = resolved.default_optimizer()
        assert isinstance(optimizer, keras.optimizers.Nadam)
        assert float(optimizer.learning_rate) == 1.0
        assert not resolved.crop_antialias
    *noise, crop = paper.views()
    assert (crop.count, crop.side, crop.centre) == (1, Normal(0.25, 0.1), "anywhere")
    assert list(map(repr, noise)) == ["UniformNoise(amplitude=0.1)"]
    crop, *noise = xplique.views()
    assert (crop.count, crop.side, crop.centre) == (32, Normal((0.5, 0.05), 0.05), Normal(0.5, 0.15))
    assert list(map(repr, noise)) == ["GaussianNoise(std=0.04)", "UniformNoise(amplitude=0.02)"]


def test_the_default_recipe_antialiases_and_its_fast_form_has_a_quarter_of_the_steps(tiny_model):
    default, fast = (MacoVisualizer(tiny_model, name) for name in ("default", "fast"))
    assert default.resolved.crop_antialias
    assert fast.resolved.steps == default.resolved.steps / 4
    assert dataclasses.replace(fast, steps=256, recipe="default").config() == default.config()


def test_the_learning_rate_falls_to_zero_as_a_cosine(tiny_model):
    def rates(**settings):
        optimizer = MacoVisualizer(tiny_model, steps=8, **settings).resolved.default_optimizer()
        found = []
        for step in (0, 2, 4, 8):
            optimizer.iterations.assign(step)
            found.append(float(optimizer.learning_rate))
        return found

    np.testing.assert_allclose(rates(), [1, 0.5 + np.sqrt(0.125), 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(rates(learning_rate=0.2), [0.2, 0.1 + 0.2 * np.sqrt(0.125), 0.1, 0], atol=1e-6)
    assert rates(cosine_decay=False) == [1.0] * 4
    schedule = keras.optimizers.schedules.ExponentialDecay(1.0, 2, 0.5)
    assert rates(learning_rate=schedule) == [1.0, 0.5, 0.25, 0.0625]
    for settings in ({"learning_rate": schedule}, {"optimizer": keras.optimizers.Adam()}):
        assert MacoVisualizer(tiny_model, **settings).resolved.cosine_decay is None
        with pytest.raises(ValueError, match='"cosine_decay" belongs to a learning rate that is a number'):
            MacoVisualizer(tiny_model, **settings, cosine_decay=True)


@pytest.mark.parametrize("channels", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_grey_images_and_images_of_many_channels(channels, rng):
    model = build_tiny_model(channels=channels)
    with pytest.raises(ValueError, match=r'"magnitude" must be given.*estimate_magnitude'):
        MacoVisualizer(model)
    magnitude = estimate_magnitude(rng.uniform(size=(4, 16, 16, channels)).astype("float32"), verbose=0)
    visualizer = MacoVisualizer(model, magnitude=magnitude, transforms=[], image_size=24, steps=2)
    explanation = visualizer.explain(Logit(0), verbose=0)
    assert explanation.images.shape == (1, 24, 24, channels)
    assert explanation.rgba().shape == (1, 24, 24, 4)


def test_a_users_magnitude_is_resized_to_the_image(tiny_model):
    magnitude = imagenet_magnitude(64, 48)
    parametrization = MacoVisualizer(tiny_model, magnitude=magnitude, image_size=32).resolved.parametrization(2)
    assert parametrization.magnitude.shape == (3, 32, 17)
    assert parametrization.batch_size == 2
    bins = np.s_[:, 1:8, 1:8]
    np.testing.assert_allclose(parametrization.magnitude[bins], magnitude.resized(32, 32).values[bins], rtol=1e-6)


def test_a_magnitude_of_the_users_images_brings_their_mean(tiny_model):
    mine = Magnitude(imagenet_magnitude(32, 32).values, 32, [-1.0, 0.5, 0.0])

    def levels(**settings):
        names = ("default", "fast", "paper", "xplique")
        return [MacoVisualizer(tiny_model, name, image_size=32, **settings).resolved.mean_level for name in names]

    assert levels() == [0.0] * 4
    # A magnitude without a mean, such as one of an earlier version, changes nothing.
    assert levels(magnitude=imagenet_magnitude(32, 32)) == [0.0] * 4
    # xplique standardises its images.
    assert levels(magnitude=mine) == [1.0, 1.0, 1.0, 0.0]
    assert levels(magnitude=mine, mean_level=0.25) == [0.25] * 4


def test_the_mean_is_part_of_the_configuration(tiny_model):
    mine = Magnitude(imagenet_magnitude(32, 32).values, 32, [-1.1, 0.5, 0.0])
    visualizer = MacoVisualizer(tiny_model, image_size=32, magnitude=mine)
    arrays = {visualizer.config()["magnitude"]["magnitude"]: mine.values}
    copy = MacoVisualizer.from_config(tiny_model, json.loads(json.dumps(visualizer.config())), arrays=arrays)
    np.testing.assert_array_equal(copy.magnitude.mean, mine.mean)
    assert copy.config() == visualizer.config()


@pytest.mark.parametrize("brightness", [0.2, pytest.param(0.8, marks=pytest.mark.slow)])
def test_images_are_as_bright_as_the_data(rng, brightness):
    model = build_tiny_model(channels=1)
    data = rng.uniform(brightness - 0.1, brightness + 0.1, (6, 16, 16, 1)).astype("float32")
    magnitude = estimate_magnitude(data, verbose=0)
    visualizer = MacoVisualizer(model, magnitude=magnitude, image_size=24, steps=2, transforms=[])
    explanation = visualizer.explain(Logit([0, 1]), seed=0, verbose=0)
    np.testing.assert_allclose(
        from_image(explanation.images).numpy().mean((1, 2)), from_image(data).numpy().mean(), atol=1e-3
    )


def test_the_magnitude_in_force(tiny_model):
    visualizer = MacoVisualizer(tiny_model, image_size=(32, 40))
    assert visualizer.magnitude is None
    found, natural = visualizer.magnitude_in_force, imagenet_magnitude(32, 40)
    np.testing.assert_array_equal(found.mean, [0, 0, 0])
    np.testing.assert_array_equal(found.values[:, 0, 0], [0, 0, 0])
    np.testing.assert_array_equal(found.values[:, 1:5, 1:5], natural.values[:, 1:5, 1:5])


def deviation(visualizer):
    """The standard deviation of every image of a visualizer before the sigmoid."""
    return standard_deviation(visualizer.magnitude_in_force.values, visualizer.image_shape[1])


def test_magnitudes_by_name(tiny_model):
    natural = MacoVisualizer(tiny_model, image_size=(32, 40), magnitude="natural")
    found, expected = natural.magnitude_in_force, natural_magnitude(32, 40)
    np.testing.assert_array_equal(found.values[:, 1:5, 1:5], expected.values[:, 1:5, 1:5])
    # The mean of photographs is known.
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-6)
    for settings in ({}, {"magnitude": "imagenet"}, {"magnitude": imagenet_magnitude()}):
        named = MacoVisualizer(tiny_model, image_size=32, **settings)
        np.testing.assert_array_equal(
            named.resolved.parametrization(1).magnitude,
            MacoVisualizer(tiny_model, image_size=32).resolved.parametrization(1).magnitude,
        )
        np.testing.assert_array_equal(named.magnitude_in_force.mean, [0, 0, 0])
    copy = MacoVisualizer.from_config(tiny_model, json.loads(json.dumps(natural.config())))
    assert copy.magnitude == "natural"
    assert copy.config() == natural.config()
    with pytest.raises(ValueError, match='"magnitude" must be given as a Magnitude'):
        MacoVisualizer(build_tiny_model(channels=1), magnitude="natural")
    with pytest.raises(ValueError, match=r'"decorrelate" must be True.*"natural"'):
        MacoVisualizer(tiny_model, magnitude="natural", decorrelate=False)


def test_the_published_recipes_keep_the_published_magnitude(tiny_model, monkeypatch):
    """Whatever the default is: they name it."""
    changed = {**MacoVisualizer.recipes["default"], "magnitude": "natural", "contrast": 2.0}
    monkeypatch.setattr(MacoVisualizer, "recipes", {**MacoVisualizer.recipes, "default": changed})
    assert MacoVisualizer(tiny_model).resolved.magnitude == "natural"
    for name in ("paper", "xplique"):
        resolved = MacoVisualizer(tiny_model, name).resolved
        assert (resolved.magnitude, resolved.contrast) == ("imagenet", 1.0)


@pytest.mark.parametrize("magnitude", ["imagenet", "natural"])
def test_contrast_multiplies_the_deviation_of_the_image_and_not_its_mean(tiny_model, magnitude):
    plain, strong = (
        MacoVisualizer(tiny_model, image_size=(32, 24), steps=1, magnitude=magnitude, contrast=contrast)
        for contrast in (1, np.float64(1.5))
    )
    np.testing.assert_allclose(deviation(strong), 1.5 * deviation(plain), rtol=1e-5)
    np.testing.assert_array_equal(strong.magnitude_in_force.mean, plain.magnitude_in_force.mean)
    weak, stronger = (
        from_image(parametrization.image(parametrization.initialize(0))).numpy()[0].std((0, 1))
        for parametrization in (plain.resolved.parametrization(1), strong.resolved.parametrization(1))
    )
    # Pixels near black and white are clipped by `from_image`.
    np.testing.assert_allclose(stronger, 1.5 * weak, rtol=0.05)
    assert (plain.config()["contrast"], strong.config()["contrast"]) == (1.0, 1.5)
    copy = MacoVisualizer.from_config(tiny_model, json.loads(json.dumps(strong.config())))
    np.testing.assert_array_equal(copy.magnitude_in_force.values, strong.magnitude_in_force.values)


def test_a_configuration_of_an_earlier_version_means_the_published_magnitude(tiny_model):
    config = MacoVisualizer(tiny_model, image_size=32).config()
    old = {**config, "magnitude": None}
    del old["contrast"]
    assert MacoVisualizer.from_config(tiny_model, old).config() == config


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("mean_level", value) for value in (-0.1, "grey", True, float("inf"))],
        *[("contrast", value) for value in (0, -1.0, "strong", True, float("nan"))],
        ("phase", "normal"),
        ("cosine_decay", 1),
        *[
            ("magnitude", value)
            for value in ("photographs", np.ones((3, 4, 4)), estimate_magnitude(np.eye(8)[None, ..., None]))
        ],
    ],
)
def test_a_wrong_setting_is_named(tiny_model, name, value):
    with pytest.raises(ValueError, match=f'"{name}" must'):
        MacoVisualizer(tiny_model, **{name: value})


def test_a_spectrum_is_used_in_the_space_in_which_it_was_estimated(tiny_model, rng):
    images = rng.uniform(size=(3, 24, 24, 3)).astype("float32")
    rgb, decorrelated = (estimate_magnitude(images, decorrelate=space, verbose=0) for space in (False, True))
    assert MacoVisualizer(tiny_model).config()["decorrelate"] is True
    for settings in ({}, {"decorrelate": False}):
        visualizer = MacoVisualizer(tiny_model, image_size=24, magnitude=rgb, **settings)
        assert visualizer.resolved.decorrelate is False
        assert not visualizer.magnitude_in_force.decorrelated
        again = MacoVisualizer.from_config(tiny_model, visualizer.config(), arrays=visualizer._arrays)
        assert again.resolved.magnitude.decorrelated is again.resolved.decorrelate is False
    for settings, received in (
        ({"decorrelate": False}, 'False with the magnitude "imagenet"'),
        ({"decorrelate": False, "magnitude": decorrelated}, "False with a magnitude of decorrelated"),
        ({"decorrelate": True, "magnitude": rgb}, "True with a magnitude of red"),
    ):
        with pytest.raises(ValueError, match=f'"decorrelate" must be .*{received}'):
            MacoVisualizer(tiny_model, **settings)


def test_grey_images_have_no_colours_to_decorrelate(rng):
    magnitude = estimate_magnitude(rng.uniform(size=(2, 16, 16, 1)).astype("float32"), verbose=0)
    MacoVisualizer(build_tiny_model(channels=1), magnitude=magnitude, decorrelate=False)
