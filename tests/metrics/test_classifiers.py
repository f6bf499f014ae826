"""Scores by classifiers: transferability, agreement, robustness."""

import cv2
import keras
import numpy as np
import pytest
import skimage.data

from maco_tf.metrics import (
    ClassifierScores,
    FeatureExtractor,
    agreement,
    classify,
    fit_image,
    robustness,
    transferability,
)
from maco_tf.metrics.robustness import robustness_by_image
from maco_tf.models import zoo
from tests.conftest import build_tiny_model

ESPRESSO, TABBY = 967, 281


@pytest.fixture(scope="module")
def squeezenet():
    return zoo.load("squeezenet")


@pytest.fixture(scope="module")
def scenes():
    """A cup of espresso and a cat, (2, 256, 256, 3) float32."""
    scenes = (skimage.data.coffee(), skimage.data.chelsea())
    return np.stack([fit_image(scene.astype("float32") / 255, 256, 256) for scene in scenes])


@pytest.fixture
def images(rng):
    return rng.uniform(size=(6, 16, 16, 3)).astype("float32")


def table(size=16):
    """A classifier that reads its six probabilities from the image's top left pixels, first channel."""
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Flatten()(keras.layers.Cropping2D(((0, size - 1), (0, size - 6)))(inputs))
    x = keras.layers.Lambda(lambda values: values[:, ::3])(x)
    return keras.Model(inputs, keras.layers.Softmax()(keras.layers.Lambda(lambda values: 3 * values)(x)))


def test_counts_by_hand():
    probabilities = np.array([[0.5, 0.2, 0.1, 0.1, 0.06, 0.04]] * 3, "float32")
    scores = ClassifierScores.of(probabilities, np.array([0, 4, 5]))
    assert (scores.top_1, scores.top_5) == pytest.approx((1 / 3, 2 / 3))
    assert scores.probability == pytest.approx((0.5 + 0.06 + 0.04) / 3)
    # A network that says nothing is never right.
    undecided = ClassifierScores.of(np.full((1, 6), 1 / 6), np.array([0]))
    assert (undecided.top_1, undecided.top_5) == (0, 0)


def test_transferability_is_a_count_over_each_classifiers_own_probabilities(images):
    targets = np.array([0, 5, 2, 3, 1, 4])
    values = np.exp(3 * images[:, 0, :6, 0])
    values /= values.sum(axis=1, keepdims=True)
    order = np.argsort(-values, axis=1)
    scores = transferability(images, targets, {"a": table()}, verbose=0)
    assert scores["a"].top_1 == pytest.approx(np.mean(order[:, 0] == targets))
    assert scores["a"].top_5 == pytest.approx(np.mean([t in row[:5] for t, row in zip(targets, order)]))
    assert scores["a"].probability == pytest.approx(values[np.arange(6), targets].mean(), rel=1e-5)
    assert scores["mean"] == scores["a"]


def test_the_mean_is_over_classifiers_each_at_its_own_input(rng):
    images, targets = rng.uniform(size=(5, 40, 40, 3)).astype("float32"), [0, 1, 2, 3, 4]
    small, large = build_tiny_model(seed=1), build_tiny_model(seed=2, size=32)
    scores = transferability(images, targets, {"small": small, "large": (large, "tf")}, verbose=0)
    resized = np.stack([fit_image(image, 32, 32, fit="stretch") for image in images])
    expected = large(2 * resized - 1).numpy()[np.arange(5), targets].mean()
    assert scores["large"].probability == pytest.approx(expected, rel=1e-5)
    for field in ("top_1", "top_5", "probability"):
        each = [getattr(scores[name], field) for name in ("small", "large")]
        assert getattr(scores["mean"], field) == pytest.approx(np.mean(each))


def test_a_model_of_logits_scores_as_with_its_softmax(images):
    targets = [0, 1, 2, 3, 4, 0]
    with_softmax, logits = (build_tiny_model(activation=activation) for activation in ("softmax", None))
    np.testing.assert_allclose(classify(images, logits, verbose=0), with_softmax(images), atol=1e-6)
    scores = transferability(images, targets, {"p": with_softmax, "l": logits}, verbose=0)
    assert scores["p"].probability == pytest.approx(scores["l"].probability, rel=1e-5)
    sigmoid = build_tiny_model(activation="sigmoid")
    np.testing.assert_allclose(classify(images, sigmoid, verbose=0), sigmoid(images), atol=1e-6)


def test_a_real_network_sees_photographs_and_not_their_ruins(squeezenet, scenes):
    targets = [ESPRESSO, TABBY]
    clean = agreement(scenes, targets, squeezenet, verbose=0)
    wrong = agreement(scenes, targets[::-1], squeezenet, verbose=0)
    assert clean.top_5 == 1
    assert clean.probability > 0.3 > wrong.probability
    scores = [clean.probability]
    rng = np.random.default_rng(0)
    for scale in (0.1, 0.6):
        noisy = np.clip(scenes + rng.normal(scale=scale, size=scenes.shape), 0, 1)
        scores.append(agreement(noisy.astype("float32"), targets, squeezenet, verbose=0).probability)
    assert scores[0] > scores[1] > scores[2]


def test_robustness_of_a_photograph_falls_with_the_damage(squeezenet, scenes):
    targets = [ESPRESSO, TABBY]
    mild = robustness(scenes, targets, squeezenet, crop_side=(0.95, 1), noise=0.02, quality=95, views=2, verbose=0)
    hard = robustness(scenes, targets, squeezenet, crop_side=(0.1, 0.15), noise=0.6, quality=2, views=2, verbose=0)
    assert mild["clean"] == hard["clean"] == agreement(scenes, targets, squeezenet, verbose=0).probability
    for kind in ("crop", "noise", "jpeg", "mean"):
        assert abs(mild[kind]) < hard[kind], kind
    assert hard["mean"] == pytest.approx(np.mean([hard[kind] for kind in ("crop", "noise", "jpeg")]))


def test_without_damage_nothing_drops(images):
    # JPEG at its best still rounds; a smooth grey image survives it to a grey level.
    smooth = np.repeat(np.linspace(0.2, 0.8, 16)[:, None, None], 16, axis=1).astype("float32")[None].repeat(2, axis=0)
    model = build_tiny_model(channels=1)
    result = robustness(smooth, [0, 1], model, crop_side=(1, 1), noise=0, quality=100, views=2, verbose=0)
    assert result["crop"] == result["noise"] == 0
    assert result["jpeg"] == pytest.approx(0, abs=1e-3)


def test_robustness_compresses_as_opencv_does_with_colours_in_order(images):
    model = build_tiny_model()
    pixels = [cv2.cvtColor(np.round(image * 255).astype("uint8"), cv2.COLOR_RGB2BGR) for image in images]
    files = [cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 10])[1] for image in pixels]
    compressed = np.stack([cv2.cvtColor(cv2.imdecode(file, 1), cv2.COLOR_BGR2RGB) for file in files])
    targets = np.arange(6) % 5
    expected = (model(images).numpy() - model(compressed / np.float32(255)).numpy())[np.arange(6), targets].mean()
    assert robustness(images, targets, model, quality=10, verbose=0)["jpeg"] == pytest.approx(expected, abs=1e-6)


def test_crops_lie_anywhere_and_are_the_same_for_all_images(monkeypatch):
    # Each pixel tells its row and column, and its image.
    rows, columns = np.indices((16, 16)) / 15
    images = np.stack([np.stack([rows, columns, np.full((16, 16), i / 2)], axis=-1) for i in range(3)]).astype(
        "float32"
    )
    seen, call = [], FeatureExtractor.__call__

    def spy(self, images, **options):
        seen.append(images)
        return call(self, images, **options)

    monkeypatch.setattr(FeatureExtractor, "__call__", spy)
    robustness(images, [0, 1, 2], build_tiny_model(), views=20, crop_side=(0.5, 0.75), verbose=0)
    crops = seen[1:21]
    corners = set()
    for crop in crops:
        assert all(8 <= side <= 12 for side in crop.shape[1:3])
        top, left = (round(15 * float(crop[0, 0, 0, axis])) for axis in (0, 1))
        corners.add((top, left))
        np.testing.assert_array_equal(crop, images[:, top : top + crop.shape[1], left : left + crop.shape[2]])
    tops, lefts = zip(*corners)
    assert max(min(tops), min(lefts)) <= 1
    assert min(max(tops), max(lefts)) >= 5
    assert len(corners) > 10


def test_an_images_part_in_robustness_depends_on_it_alone(images):
    targets, model = np.array([0, 1, 2, 3, 4, 0]), build_tiny_model()
    whole = robustness(images, targets, model, seed=5, verbose=0)
    assert whole == robustness(images, targets, model, seed=5, verbose=0)
    assert whole != robustness(images, targets, model, seed=6, verbose=0)
    backwards = robustness(images[::-1], targets[::-1], model, seed=5, verbose=0)
    assert backwards == pytest.approx(whole, abs=1e-6)
    halves = [robustness(images[part], targets[part], model, seed=5, verbose=0) for part in (slice(3), slice(3, 6))]
    for kind in whole:
        assert whole[kind] == pytest.approx(np.mean([half[kind] for half in halves]), abs=1e-6)


def test_robustness_streams_files_and_tells_each_image(images, tmp_path):
    targets, model = np.arange(6) % 5, build_tiny_model()
    pixels = np.round(images * 255).astype("uint8")
    paths = [str(tmp_path / f"{number}.png") for number in range(6)]
    for path, image in zip(paths, pixels):
        cv2.imwrite(path, image[..., ::-1])
    each = robustness_by_image(paths, targets, model, verbose=0)
    whole = robustness(pixels, targets, model, verbose=0)
    assert {name: values.mean() for name, values in each.items()} == pytest.approx(whole, abs=1e-6)
    np.testing.assert_allclose(each["clean"], model(pixels / np.float32(255)).numpy()[np.arange(6), targets], atol=1e-6)
    alone = robustness(pixels[3:4], targets[3:4], model, verbose=0)
    assert {name: values[3] for name, values in each.items()} == pytest.approx(alone, abs=1e-6)
    # More than are perturbed at once.
    many = robustness_by_image(np.tile(pixels, (7, 1, 1, 1)), np.tile(targets, 7), model, verbose=0)
    for name, values in many.items():
        np.testing.assert_allclose(values, np.tile(each[name], 7), atol=1e-6)
    with pytest.raises(ValueError, match="one size"):
        robustness([images[0], images[0][:8]], [0, 1], model, verbose=0)


def test_wrong_targets_and_classifiers_are_found_before_any_image_is_looked_at(images, monkeypatch):
    model = build_tiny_model()
    monkeypatch.setattr(FeatureExtractor, "_compute", lambda *_: pytest.fail("computed"))
    for classifiers, targets, message in [
        ({"a": model}, [0] * 5, "6 class numbers"),
        ({"a": model}, [9] * 6, r"\[0, 5\)"),
        ({"a": model, "b": "resnet"}, [0] * 6, "Received"),
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            transferability(images, targets, classifiers, verbose=0)
    with pytest.raises(ValueError, match="6 class numbers"):
        agreement(images, [0], model, verbose=0)


def test_hostile_input(images):
    model = build_tiny_model()
    for targets, message in [
        ([0, 1], "6 class numbers"),
        ([0, 1, 2, 3, 4, 5], r"\[0, 5\)"),
        ([0, 1, 2, 3, 4, -1], r"\[0, 5\)"),
        ([0.0] * 6, "float64"),
    ]:
        with pytest.raises(ValueError, match=message):
            agreement(images, targets, model, verbose=0)
    for classifiers, message in [({}, "at least one"), ([model], "dictionary"), ({"mean": model}, '"mean"')]:
        with pytest.raises(ValueError, match=message):
            transferability(images, [0] * 6, classifiers, verbose=0)
    inputs = keras.Input((16, 16, 3))
    single = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(inputs)))
    with pytest.raises(ValueError, match="two classes or more"):
        classify(images, single, verbose=0)
    for options, message in [
        ({"views": 0}, '"views"'),
        ({"crop_side": (0.9, 0.6)}, '"crop_side"'),
        ({"crop_side": (0, 0.6)}, '"crop_side"'),
        ({"noise": -1}, '"noise"'),
        ({"quality": 0}, '"quality"'),
    ]:
        with pytest.raises(ValueError, match=message):
            robustness(images, [0] * 6, model, verbose=0, **options)
    for wrong in (np.zeros((0, 16, 16, 3)), np.zeros((2, 16, 16, 5))):
        with pytest.raises(ValueError, match="1 or 3 channels"):
            robustness(wrong, [0] * len(wrong), model, verbose=0)
