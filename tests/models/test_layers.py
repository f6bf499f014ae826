"""Layers by name, path and index."""

import keras
import numpy as np
import pytest

from maco_tf.models import find_layer, layer_paths
from tests.conftest import build_tiny_model


@pytest.fixture(scope="module")
def nested():
    backbone = build_tiny_model(activation=None)
    other = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(2, 1, name="conv")], name="other")
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Flatten(name="flat")(other(inputs))
    outputs = keras.layers.Dense(2, name="classifier")(keras.layers.Concatenate(name="join")([backbone(inputs), x]))
    return keras.Model(inputs, outputs, name="nested")


def test_paths_lead_into_nested_models(nested):
    paths = layer_paths(nested)
    assert {"tiny", "tiny/conv", "tiny/add", "other/conv", "classifier"} <= set(paths)
    assert paths["tiny/add"] is nested.get_layer("tiny").get_layer("add")


def test_a_layer_is_found_by_name_path_end_of_a_path_and_index(nested):
    second = nested.get_layer("tiny").get_layer("second")
    assert find_layer(nested, "tiny/second") == find_layer(nested, "second") == ("tiny/second", second)
    assert find_layer(nested, -1) == find_layer(nested, np.int64(-1)) == ("classifier", nested.layers[-1])


def test_errors_suggest_a_remedy(nested):
    for reference, message in (
        ("conv", "other/conv, tiny/conv"),
        ("clasifier", "Did you mean classifier"),
        ("zzz", "last layers are .*classifier"),
        (99, "index into the"),
        (-99, "index into the"),
        (nested.layers[0], r"not the layer itself\. .* Give its name"),
        (True, "Received: True"),
    ):
        with pytest.raises(ValueError, match=f'"layer" must .*{message}'):
            find_layer(nested, reference)


def test_siblings_with_the_same_name_are_numbered():
    class Twins(keras.Model):
        def __init__(self):
            super().__init__()
            self.first = keras.layers.Conv2D(2, 1, name="c")
            self.second = keras.layers.Conv2D(9, 1, name="c")

    model = Twins()
    assert find_layer(model, "c@2")[1] is model.second
    with pytest.raises(ValueError, match="c@1, c@2"):
        find_layer(model, "c")


def test_operations_of_a_functional_graph_are_found():
    inputs = keras.Input((4,))
    x = keras.layers.Dense(3, name="first")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.ops.multiply(x, 2.0)))
    name = next(name for name in layer_paths(model) if "multiply" in name)
    assert isinstance(find_layer(model, name)[1], keras.Operation)
