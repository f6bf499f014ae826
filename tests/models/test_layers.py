import keras
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


def test_name_path_end_of_path_and_index(nested):
    assert find_layer(nested, "tiny/second")[1] is find_layer(nested, "second")[1]
    assert find_layer(nested, -1)[1] is nested.layers[-1]


def test_errors_name_the_remedy(nested):
    with pytest.raises(ValueError, match="other/conv, tiny/conv"):
        find_layer(nested, "conv")
    with pytest.raises(ValueError, match="Did you mean classifier"):
        find_layer(nested, "clasifier")
    with pytest.raises(ValueError, match="index into the"):
        find_layer(nested, 99)
    with pytest.raises(ValueError, match=r"not the layer itself\. .* Give its name"):
        find_layer(nested, nested.layers[0])
    with pytest.raises(ValueError, match="Received: True"):
        find_layer(nested, True)


def test_siblings_of_one_name_are_told_apart():
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
