"""How classifiers rate finished images: transferability and agreement."""

import keras
import numpy as np
import pytest

from maco_tf.display import write_png
from maco_tf.metrics import (
    ClassifierScores,
    FeatureExtractor,
    agreement,
    classify,
    fit_image,
    robustness,
    transferability,
)
from tests.conftest import build_tiny_model
from tests.metrics.conftest import ESPRESSO, TABBY


@pytest.fixture
def images(rng):
    return rng.uniform(size=(6, 16, 16, 3)).astype("float32")


def pixel_classifier(size=16):
    """A classifier that reads six logits from the first channel of the image's top left pixels."""
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Flatten()(keras.layers.Cropping2D(((0, size - 1), (0, size - 6)))(inputs))
    x = keras.layers.Lambda(lambda values: values[:, ::3])(x)
    return keras.Model(inputs, keras.layers.Softmax()(keras.layers.Lambda(lambda values: 3 * values)(x)))


def test_scores_match_counts_by_hand():
    probabilities = np.array([[0.5, 0.2, 0.1, 0.1, 0.06, 0.04]] * 3, "float32")
    scores = ClassifierScores.of(probabilities, np.array([0, 4, 5]))
    assert (scores.top_1, scores.top_5) == pytest.approx((1 / 3, 2 / 3))
    assert scores.probability == pytest.approx((0.5 + 0.06 + 0.04) / 3)


def test_a_classifier_that_rates_all_classes_alike_is_never_right():
    undecided = ClassifierScores.of(np.full((1, 6), 1 / 6), np.array([0]))
    assert (undecided.top_1, undecided.top_5) == (0, 0)


@pytest.mark.parametrize("score", [lambda *a: agreement(*a, verbose=0), lambda *a: robustness(*a, verbose=0)])
def test_a_damaged_file_is_an_error_where_each_image_has_a_target(tmp_path, images, score):
    for index, image in enumerate(images):
        write_png(tmp_path / f"{index}.png", image)
    (tmp_path / "3.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r'"images".*3\.png'):
        score(tmp_path, np.arange(6), pixel_classifier())


def test_transferability_counts_from_the_classifiers_probabilities(images):
    targets = np.array([0, 5, 2, 3, 1, 4])
    values = np.exp(3 * images[:, 0, :6, 0])
    values /= values.sum(axis=1, keepdims=True)
    order = np.argsort(-values, axis=1)
    scores = transferability(images, targets, {"a": pixel_classifier()}, verbose=0)
    assert scores["a"].top_1 == pytest.approx(np.mean(order[:, 0] == targets))
    assert scores["a"].top_5 == pytest.approx(np.mean([t in row[:5] for t, row in zip(targets, order)]))
    assert scores["a"].probability == pytest.approx(values[np.arange(6), targets].mean(), rel=1e-5)
    assert scores["mean"] == scores["a"]


def test_the_mean_is_over_classifiers_of_different_input_sizes(rng):
    images, targets = rng.uniform(size=(5, 40, 40, 3)).astype("float32"), [0, 1, 2, 3, 4]
    small, large = build_tiny_model(seed=1), build_tiny_model(seed=2, size=32)
    scores = transferability(images, targets, {"small": small, "large": (large, "tf")}, verbose=0)
    resized = np.stack([fit_image(image, 32, 32, fit="stretch") for image in images])
    expected = large(2 * resized - 1).numpy()[np.arange(5), targets].mean()
    assert scores["large"].probability == pytest.approx(expected, rel=1e-5)
    for field in ("top_1", "top_5", "probability"):
        values = [getattr(scores[name], field) for name in ("small", "large")]
        assert getattr(scores["mean"], field) == pytest.approx(np.mean(values))


def test_a_model_of_logits_scores_like_the_same_model_with_a_softmax(images):
    targets = [0, 1, 2, 3, 4, 0]
    with_softmax, logits = (build_tiny_model(activation=activation) for activation in ("softmax", None))
    np.testing.assert_allclose(classify(images, logits, verbose=0), with_softmax(images), atol=1e-6)
    scores = transferability(images, targets, {"p": with_softmax, "l": logits}, verbose=0)
    assert scores["p"].probability == pytest.approx(scores["l"].probability, rel=1e-5)
    sigmoid = build_tiny_model(activation="sigmoid")
    np.testing.assert_allclose(classify(images, sigmoid, verbose=0), sigmoid(images), atol=1e-6)


@pytest.mark.network
def test_a_trained_network_recognises_photographs_less_the_noisier_they_are(squeezenet, scenes):
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


def test_wrong_targets_and_classifiers_are_found_before_any_image_is_read(images, monkeypatch):
    model = build_tiny_model()
    monkeypatch.setattr(FeatureExtractor, "_compute", lambda *_: pytest.fail("computed"))
    for classifiers, targets, message in [
        ({"a": model}, [0] * 5, '"targets" must be 6'),
        ({"a": model}, [9] * 6, r'"targets" must lie in \[0, 5\)'),
        ({"a": model, "b": "resnet"}, [0] * 6, "Received"),
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            transferability(images, targets, classifiers, verbose=0)
    with pytest.raises(ValueError, match='"targets" must be 6'):
        agreement(images, [0], model, verbose=0)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([0, 1], '"targets" must be 6'),
        ([0, 1, 2, 3, 4, 5], r'"targets" must lie in \[0, 5\)'),
        ([0, 1, 2, 3, 4, -1], r'"targets" must lie in \[0, 5\)'),
        ([0.0] * 6, '"targets".*float64'),
    ],
)
def test_wrong_targets_are_refused(images, targets, message):
    with pytest.raises(ValueError, match=message):
        agreement(images, targets, build_tiny_model(), verbose=0)


def test_wrong_classifiers_are_refused(images):
    model = build_tiny_model()
    for classifiers, message in [({}, '"classifiers"'), ([model], '"classifiers"'), ({"mean": model}, '"mean"')]:
        with pytest.raises(ValueError, match=message):
            transferability(images, [0] * 6, classifiers, verbose=0)
    inputs = keras.Input((16, 16, 3))
    single = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(inputs)))
    with pytest.raises(ValueError, match=r'"classifier".*two classes or more'):
        classify(images, single, verbose=0)
    broken = keras.Model(inputs, keras.layers.Softmax()(keras.layers.Flatten()(inputs) * float("nan")))
    with pytest.raises(ValueError, match='"classifier" must give finite'):
        classify(images, broken, verbose=0)
