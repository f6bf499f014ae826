"""Networks by name, their features and their cache."""

import cv2
import keras
import numpy as np
import pytest

from maco_tf.benchmark.networks import Networks
from maco_tf.metrics import FeatureExtractor
from maco_tf.metrics.classifiers import probability_extractor
from maco_tf.models import zoo
from tests.conftest import build_tiny_model


@pytest.fixture
def loaded(monkeypatch):
    """The names of the networks that were loaded."""
    names = []

    def load(name):
        names.append(name)
        return build_tiny_model(seed=len(name))

    monkeypatch.setattr(zoo, "load", load)
    return names


@pytest.fixture
def paths(tmp_path, rng):
    paths = [str(tmp_path / f"{number}.png") for number in range(3)]
    for path in paths:
        cv2.imwrite(path, rng.integers(0, 256, (16, 16, 3), "uint8"))
    return paths


def test_features_are_the_mean_over_positions_of_the_last_layer_with_positions(loaded, paths, tmp_path):
    expected = FeatureExtractor(build_tiny_model(seed=1), "add", pooling="mean")(paths, verbose=0)
    np.testing.assert_allclose(Networks(tmp_path).features("a", paths), expected, atol=1e-6)


def test_a_layer_with_one_channel_per_class_belongs_to_the_head(monkeypatch, tmp_path):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, name="body")(inputs)
    x = keras.layers.Conv2D(5, 1, name="classes")(x)
    model = keras.Model(inputs, keras.layers.Softmax()(keras.layers.GlobalAveragePooling2D()(x)))
    monkeypatch.setattr(zoo, "load", lambda name: model)
    assert Networks(tmp_path).extractor("a").layer == "body"
    monkeypatch.setattr(
        zoo, "load", lambda name: keras.Sequential([inputs, keras.layers.Flatten(), keras.layers.Dense(2)])
    )
    with pytest.raises(ValueError, match='"model" must have a layer with positions'):
        Networks(tmp_path).extractor("a")


def test_a_network_is_loaded_once(loaded, paths, tmp_path):
    networks = Networks(tmp_path)
    networks.features("a", paths)
    networks.probabilities("a", paths)
    networks.robustness("a", paths, [0, 1, 2])
    assert loaded == ["a"]


def test_robustness_is_cached_for_its_targets(loaded, paths, tmp_path, monkeypatch):
    first = Networks(tmp_path).robustness("a", paths, [0, 1, 2])
    other = Networks(tmp_path).robustness("a", paths, [0, 1, 3])
    assert first["clean"][2] != other["clean"][2]
    monkeypatch.setattr(FeatureExtractor, "_compute", lambda *_: pytest.fail("computed again"))
    again = Networks(tmp_path).robustness("a", paths, [0, 1, 2])
    for kind, values in first.items():
        np.testing.assert_array_equal(values, again[kind])


def test_judges_and_features_use_the_input_range_and_the_layers_of_a_network_behind_a_rescaling(paths, tmp_path):
    network, inputs = build_tiny_model(), keras.Input((16, 16, 3))
    files = {"scaled": str(tmp_path / "scaled.keras"), "plain": str(tmp_path / "plain.keras")}
    keras.Model(inputs, network(keras.layers.Rescaling(1 / 255)(inputs))).save(files["scaled"])
    network.save(files["plain"])
    networks = Networks(tmp_path, files)
    assert networks.extractor("scaled").layer == "tiny/add"
    for scaled, plain in (
        (networks.probabilities("scaled", paths), networks.probabilities("plain", paths)),
        (networks.features("scaled", paths), networks.features("plain", paths)),
        *zip(*(networks.robustness(name, paths, [0, 1, 2]).values() for name in files)),
    ):
        np.testing.assert_allclose(scaled, plain, atol=1e-5)
        assert np.std(plain) > 0


def test_a_network_may_be_a_file(paths, tmp_path):
    file = tmp_path / "tiny.keras"
    build_tiny_model().save(file)
    networks = Networks(tmp_path, {"tiny": str(file)})
    expected = probability_extractor(build_tiny_model())(paths, verbose=0)
    np.testing.assert_allclose(networks.probabilities("tiny", paths), expected, atol=1e-6)
