"""The nearest units of each unit."""

import io
import json

import keras
import numpy as np
import pytest

from maco_tf.atlas.natural_images import FEATURES
from maco_tf.atlas.neighbours import write_neighbours
from maco_tf.atlas.record_store import Store
from maco_tf.atlas.unit import Unit
from maco_tf.objectives import Channel, Direction, Logit
from tests.conftest import build_tiny_model


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "atlas", {"format": "maco_tf atlas"})


def cosine(first, second):
    return float(first.ravel() @ second.ravel() / np.linalg.norm(first) / np.linalg.norm(second))


def units_of(kind, layer, objectives):
    return [Unit(f"{kind}/{n}", kind, layer, n, f"{kind} {n}", objective) for n, objective in enumerate(objectives)]


def neighbours(store, model, units, **settings):
    write_neighbours(store, model, units, **settings)
    return json.loads((store.folder / "neighbours.json").read_text())


def test_classes_and_channels_are_compared_by_their_weights(store):
    model = build_tiny_model()
    units = units_of("logit", None, [Logit(n) for n in range(5)])
    units += units_of("channel", "second", [Channel("second", n) for n in range(4)])
    found = neighbours(store, model, units, count=3)
    for kind, name in (("logit", "head"), ("channel", "second")):
        kernel = np.asarray(model.get_layer(name).kernel)
        for unit in range(kernel.shape[-1]):
            expected = [(n, cosine(kernel[..., unit], kernel[..., n])) for n in range(kernel.shape[-1]) if n != unit]
            expected = sorted(expected, key=lambda pair: -pair[1])[:3]
            assert [key for key, _ in found[f"{kind}/{unit}"]] == [f"{kind}/{n}" for n, _ in expected]
            values = [value for _, value in found[f"{kind}/{unit}"]]
            assert values == pytest.approx([value for _, value in expected], abs=1e-4)


def test_directions_are_compared_with_those_of_their_layer(store):
    vectors = {"add": np.float32([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 2, 0]]), "conv": np.float32([[1, 0, 0, 0]])}
    units = [
        Unit(f"cell/{layer}/{n}", "cell", layer, n, "cell", Direction(layer, [vector]))
        for layer, rows in vectors.items()
        for n, vector in enumerate(rows)
    ]
    found = neighbours(store, build_tiny_model(), units)
    assert found == {
        "cell/add/0": [["cell/add/1", 0.7071], ["cell/add/2", 0.0]],
        "cell/add/1": [["cell/add/0", 0.7071], ["cell/add/2", 0.0]],
        "cell/add/2": [["cell/add/0", 0.0], ["cell/add/1", 0.0]],
    }


def test_a_layer_without_weights_is_compared_by_exemplars(store):
    units = units_of("channel", "add", [Channel("add", n) for n in range(3)])
    for unit, features in zip(units[:2], np.float16([[1, 0], [1, 1]]), strict=True):
        buffer = io.BytesIO()
        np.save(buffer, features)
        store.write("natural", unit.key, {"key": unit.key}, {FEATURES: buffer.getvalue()})
    store.write("natural", units[2].key, {"key": units[2].key, "dead": True}, {})
    expected = {"channel/0": [["channel/1", 0.7071]], "channel/1": [["channel/0", 0.7071]]}
    assert neighbours(store, build_tiny_model(), units) == expected


def test_filters_of_depthwise_convolutions_are_not_mistaken_for_channels(store):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.DepthwiseConv2D(3, name="depthwise")])
    units = units_of("channel", "depthwise", [Channel("depthwise", n) for n in range(3)])
    assert neighbours(store, model, units) == {}


def test_many_units_are_compared_part_by_part(store, monkeypatch, rng):
    units = units_of("cell", "add", [Direction("add", [vector]) for vector in rng.normal(size=(7, 4))])
    expected = neighbours(store, None, units)
    before = (store.folder / "neighbours.json").stat().st_mtime_ns
    monkeypatch.setattr("maco_tf.atlas.neighbours._AT_ONCE", 14)
    assert neighbours(store, None, units) == expected
    # The same content is not written again.
    assert (store.folder / "neighbours.json").stat().st_mtime_ns == before
