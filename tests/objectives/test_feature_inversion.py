"""Feature inversion and differences of images: measures by hand, and the views that the reference gets."""

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from maco_tf import Channel, Explanation, FeatureInversion, FourierVisualizer, Logit, MacoVisualizer
from maco_tf.models import Activations
from maco_tf.objectives import ImageDifference, ReferenceTerm
from maco_tf.optimization import CompiledSteps, objective_tensors
from maco_tf.parametrizations import PhaseParametrization
from maco_tf.spectrum import imagenet_magnitude
from maco_tf.transforms import GaussianNoise, RandomCrop
from tests.conftest import build_tiny_model
from tests.objectives.evaluate import restored

IMAGE = np.zeros((1, 2, 2, 3), "float32")


def score(activation, reference, **settings):
    term = FeatureInversion("a", IMAGE, **settings)
    parameters = {name: tf.constant(value) for name, value in term.parameters.items() if name != "image"}
    tensors = (tf.constant(values, tf.float32) for values in (activation, reference))
    activation, reference = tensors
    return float(term.score(activation, reference=reference, **parameters)[0])


def test_measures_by_hand():
    a, r = np.array([[[3.0], [0.0]]]), np.array([[[3.0], [4.0]]])  # Cosine 3/5, dot product 9 of 25.
    assert score(a, r) == pytest.approx(0.6)
    assert score(a, r, measure="dot") == pytest.approx(9 / 25 * 0.36)
    assert score(a, r, measure="dot", cosine_power=1) == pytest.approx(9 / 25 * 0.6)
    assert score(a, r, measure="dot", cosine_power=0) == pytest.approx(9 / 25)
    assert score(a, r, measure="l2") == pytest.approx(-16 / 25)
    for measure, best in (("cosine", 1), ("dot", 1), ("l2", 0)):
        assert score(r, r, measure=measure) == pytest.approx(best, abs=1e-6)
    assert score(2 * r, r) == pytest.approx(1)
    assert score(2 * r, r, measure="dot") == pytest.approx(2)
    assert score(2 * r, r, measure="l2") == pytest.approx(-1)
    assert np.isfinite([score(a, 0 * r, measure=measure) for measure in ("cosine", "dot", "l2")]).all()


def first_score(objective, model, transforms, start):
    """The score of a run's first step, whose image is `start`."""
    compiled = CompiledSteps(
        Activations(model),
        PhaseParametrization(imagenet_magnitude(24, 24), len(objective)),
        transforms,
        keras.optimizers.SGD(0.0),
        [term for _, term in objective.terms],
        1,
    )
    objective = objective.fitted((24, 24, 3))
    return compiled(compiled.start([start]), objective_tensors(objective), 1).history.numpy()[0].sum(axis=-1)


@pytest.mark.slow
def test_the_reference_gets_the_crops_and_noise_of_the_optimised_image(tiny_model):
    # An image compared with itself reaches the best score only if both get the same crops and the same noise.
    parametrization = PhaseParametrization(imagenet_magnitude(24, 24), 2)
    images = parametrization.image(parametrization.initialize(5)).numpy()
    transforms = [RandomCrop((16, 16), 3, side=0.5), GaussianNoise(0.3)]
    own = first_score(FeatureInversion("conv", images, measure="l2"), tiny_model, transforms, 5)
    np.testing.assert_allclose(own, 0, atol=1e-6)
    others = first_score(FeatureInversion("conv", images[::-1], measure="l2"), tiny_model, transforms, 5)
    assert others.max() < -0.05
    # A batch has a reference for each image; a single reference serves all images.
    mixed = first_score(FeatureInversion("conv", images[0]) + Logit([0, 0]) - Logit(0), tiny_model, transforms, 5)
    assert mixed[0] == pytest.approx(1, abs=1e-5)
    assert mixed[1] < 0.99


def test_without_transforms_the_score_is_the_cosine_of_the_models_activations(tiny_model, rng):
    reference = rng.uniform(size=(1, 16, 16, 3)).astype("float32")
    visualizer = MacoVisualizer(tiny_model, steps=1, transforms=[], image_size=16)
    explanation = visualizer.explain(FeatureInversion("second", reference), seed=3, verbose=0)
    parametrization = PhaseParametrization(imagenet_magnitude(16, 16), 1)
    start = parametrization.image(parametrization.initialize(3))
    second = keras.Model(tiny_model.input, tiny_model.get_layer("second").output)
    a, r = (second(images).numpy().ravel() for images in (start, reference))
    assert explanation.scores[0, 0] == pytest.approx(a @ r / np.linalg.norm(a) / np.linalg.norm(r), rel=1e-4)


@pytest.mark.slow
def test_inversion_finds_the_activations_and_traces_once(tiny_model, rng):
    parametrization = PhaseParametrization(imagenet_magnitude(24, 24), 2)
    images = parametrization.image(parametrization.initialize(11)).numpy()
    visualizer = MacoVisualizer(tiny_model, steps=40, crops=2, image_size=24, gaussian_noise=0.0, uniform_noise=0.0)
    conv = keras.Model(tiny_model.input, tiny_model.get_layer("conv").output)
    for chosen in (images[:1], images[1:], np.round(255 * images[1:, :20]).astype("uint8")):
        explanation = visualizer.explain(FeatureInversion("conv", chosen), seed=0, verbose=0)
    assert visualizer.traces == 1
    explanation = visualizer.explain(FeatureInversion("conv", images), seed=0, verbose=0)

    def cosines(first, second):
        a, r = (conv(tf.image.resize(batch, (16, 16))).numpy().reshape(len(batch), -1) for batch in (first, second))
        return (a * r).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(r, axis=1)

    random = parametrization.image(parametrization.initialize(0)).numpy()
    found, before, crossed = (
        1 - cosines(*pair)
        for pair in ((explanation.images, images), (random, images), (explanation.images, images[::-1]))
    )
    assert (found < before / 20).all()
    assert (found < crossed / 20).all()  # The image resembles its reference, not that of the other image.


@pytest.mark.slow
def test_the_model_does_not_change():
    model = build_tiny_model()
    before = [weight.copy() for weight in model.get_weights()]
    visualizer = MacoVisualizer(model, steps=2, crops=2, image_size=24)
    visualizer.explain(FeatureInversion("conv", np.full((24, 24, 3), 0.3)) + Channel("second", 1), verbose=0)
    assert all((old == new).all() for old, new in zip(before, model.get_weights()))


def test_it_combines_selects_and_stores_like_other_objectives(rng):
    images = rng.uniform(size=(2, 4, 4, 3)).astype("float32")
    term = FeatureInversion("conv", images, measure="dot", cosine_power=3, names=["cat", "dog"])
    objective = Logit(1) - 0.5 * term
    assert objective.names == ["logit 1 - 0.5 cat", "logit 1 - 0.5 dog"]
    np.testing.assert_array_equal(term[1].parameters["image"], images[1:])
    copy = restored(term)
    assert copy.structure() == term.structure()
    assert copy.names == term.names
    assert all((copy.parameters[name] == value).all() for name, value in term.parameters.items())
    assert term.structure() != FeatureInversion("conv", images).structure()
    assert issubclass(FeatureInversion, ReferenceTerm)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": np.zeros((4, 4))}, '"images"'),
        ({"images": IMAGE + 2}, '"images" must lie'),
        ({"measure": "l1"}, '"measure" must be one of'),
        ({"cosine_power": 1.0}, '"cosine_power" must be left out'),
        ({"measure": "dot", "cosine_power": -1.0}, '"cosine_power" must be'),
        ({"measure": "dot", "cosine_power": "2"}, '"cosine_power" must be'),
        ({"measure": "dot", "cosine_power": True}, '"cosine_power" must be'),
        ({"names": ["a", "b"]}, '"names"'),
        ({"names": 3}, '"names" must be a list'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        FeatureInversion("conv", **{"images": IMAGE, **arguments})


def test_images_with_other_channels_are_refused_before_any_step(tiny_model):
    visualizer = MacoVisualizer(tiny_model, steps=1, image_size=24)
    with pytest.raises(ValueError, match=r'"images".*channel'):
        visualizer.explain(FeatureInversion("conv", np.zeros((4, 4, 1))))
    with pytest.raises(ValueError, match='"layer"'):
        visualizer.explain(FeatureInversion("cnv", IMAGE))
    assert visualizer.traces == 0


def test_difference_to_an_image_by_hand():
    image, reference = np.full((1, 2, 2, 3), 0.5, "float32"), np.full((1, 2, 2, 3), 0.5, "float32")
    image[0, 0, 0] = [0.75, 0.5, 0.25]  # Two of twelve values differ by 0.25.
    expected = {"squared": 2 * 0.0625 / 12, "absolute": 2 * 0.25 / 12, "root": np.sqrt(2 * 0.0625 / 12)}
    for measure, value in expected.items():
        term = ImageDifference(reference, measure=measure)
        assert float(term.score(tf.constant(image), reference=tf.constant(reference))[0]) == pytest.approx(value)
    images = tf.constant(reference)
    with tf.GradientTape() as tape:
        tape.watch(images)
        score = ImageDifference(reference, measure="root").score(images, reference=tf.constant(reference))
    assert np.isfinite(tape.gradient(score, images)).all()


def test_difference_takes_images_in_every_form(tmp_path, rng):
    pixels = rng.integers(0, 256, (6, 5, 3), dtype="uint8")
    PIL.Image.fromarray(pixels).save(tmp_path / "photo.png")
    forms = [pixels, pixels / 255.0, PIL.Image.fromarray(pixels), tmp_path / "photo.png", [pixels]]
    for form in forms:
        np.testing.assert_allclose(ImageDifference(form).parameters["image"][0], pixels / 255, atol=1e-6)
    fitted = ImageDifference(pixels).fitted((3, 4, 3))
    assert fitted.parameters["image"].shape == (1, 3, 4, 3)
    with pytest.raises(ValueError, match='"images"'):
        ImageDifference(pixels[..., :1]).fitted((6, 5, 3))
    with pytest.raises(ValueError, match='"measure"'):
        ImageDifference(pixels, measure="l2")


def test_difference_is_stored(rng):
    term = ImageDifference(rng.uniform(size=(2, 4, 4, 3)), measure="absolute")
    copy = restored(term)
    assert copy.names == term.names == ["difference to image 0", "difference to image 1"]
    assert copy.structure() == term.structure()
    np.testing.assert_array_equal(copy.parameters["image"], term.parameters["image"])


@pytest.mark.slow
def test_a_difference_draws_the_image_to_a_photograph(tiny_model, tmp_path, rng):
    photograph = rng.uniform(0.2, 0.8, size=(24, 24, 3)).astype("float32")
    visualizer = FourierVisualizer(tiny_model, steps=24, image_size=24, learning_rate=0.1, crops=2)
    objective = 1e-6 * Channel("conv", 0) - ImageDifference(photograph)
    explanation = visualizer.explain(objective, seed=0, verbose=0)
    distance = ((explanation.images[0] - photograph) ** 2).mean()
    assert -explanation.scores[-1, 0] < 0.5 * -explanation.scores[0, 0]
    assert distance == pytest.approx(-explanation.scores[-1, 0], rel=0.3)
    path = tmp_path / "run"
    explanation.save(path, inputs=True)
    np.testing.assert_array_equal(Explanation.load(path).again(tiny_model, verbose=0).images, explanation.images)
