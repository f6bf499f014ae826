import keras
import pytest

import maco_tf
from maco_tf import Channel, MacoVisualizer
from tests.conftest import Wrapper, build_tiny_model


def table(model, **options):
    return {layer.path: layer for layer in maco_tf.layers(model, **options)}


def test_a_functional_model_lists_its_layers_in_order():
    model = build_tiny_model()
    found = table(model)
    assert [path for path in found if path in ("conv", "add", "head")] == ["conv", "add", "head"]
    for path in ("conv", "add", "head"):
        assert found[path].shape == tuple(model.get_layer(path).output.shape[1:])
    assert found["conv"].kind == "Conv2D"
    assert (found["conv"].units, found["head"].units) == (4, 5)


@pytest.mark.filterwarnings("ignore:'head' is a softmax")
def test_every_listed_channel_is_accepted_by_an_objective():
    model = build_tiny_model()
    visualizer = MacoVisualizer(model, image_size=24)
    for layer in maco_tf.layers(model):
        if layer.kind != "InputLayer":
            visualizer.check(Channel(layer.path, layer.units - 1))


def test_layers_of_a_nested_model_have_a_path():
    inner = build_tiny_model()
    outer = keras.Sequential([keras.Input((16, 16, 3)), inner])
    assert table(outer)["tiny/conv"].shape == table(inner)["conv"].shape


def test_a_subclassed_model_is_traced():
    model = Wrapper()
    model(keras.ops.zeros((1, 16, 16, 3)))
    found = table(model, input_shape=(16, 16, 3))
    assert all(layer.shape is not None for layer in found.values() if layer.kind == "Conv2D")


def test_sizes_that_the_graph_leaves_open_are_filled_in():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(4, 3, strides=2, name="conv")(inputs))
    assert table(model, input_shape=(16, 16, 3))["conv"].shape == (7, 7, 4)


def test_a_layer_without_a_single_output_does_not_hide_the_others():
    class Pair(keras.layers.Layer):
        def call(self, inputs):
            return inputs, 2 * inputs

    inputs = keras.Input((16, 16, 3))
    first, second = Pair(name="pair")(inputs)
    model = keras.Model(inputs, keras.layers.Conv2D(4, 3, name="conv")(first + second))
    found = table(model)
    assert found["conv"].shape == (14, 14, 4)
    assert found["pair"].shape is None
    assert "no single output" in repr(found["pair"])


def test_the_model_is_called_once_for_all_layers():
    """A call for each layer without a single output took minutes for a transformer."""
    calls = []

    class Shared(keras.Model):
        def __init__(self):
            super().__init__()
            self.shared = [keras.layers.Conv2D(3, 1, name=f"conv{index}") for index in range(3)]
            self.last = keras.layers.Conv2D(2, 3, name="last")

        def call(self, x):
            calls.append(x.shape)
            for layer in (*self.shared, *self.shared, self.last):
                x = layer(x)
            return x

    model = Shared()
    model(keras.ops.zeros((1, 8, 8, 3)))
    calls.clear()
    found = table(model)
    assert calls == [(1, 8, 8, 3)]
    assert found["last"].shape == (6, 6, 2)
    assert [layer.shape for path, layer in found.items() if path.startswith("conv")] == [None, None, None]


def test_only_a_model_has_layers():
    with pytest.raises(ValueError, match=r'"model" must be a keras\.Model'):
        maco_tf.layers("squeezenet")
