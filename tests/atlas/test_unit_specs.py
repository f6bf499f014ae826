import numpy as np
import pytest

from maco_tf import Channel, Direction, Logit, MacoVisualizer, Neuron
from maco_tf.atlas.unit_specs import class_numbers, find_units

NAMES = ["cat", "dog", "T-shirt", "can opener", "10"]


@pytest.fixture(scope="module")
def visualizer(tiny_model):
    return MacoVisualizer(tiny_model, class_names=NAMES)


def keys(visualizer, *specs):
    return [unit.key for unit in find_units(visualizer, list(specs))]


def test_texts_by_hand(visualizer):
    assert keys(visualizer, "logit:*") == [f"logit/{index}" for index in range(5)]
    assert keys(visualizer, "logit:3,0-1,dog,T-shirt") == ["logit/3", "logit/0", "logit/1", "logit/2"]
    assert keys(visualizer, "channel:conv:*") == [f"channel/conv/{index}" for index in range(4)]
    assert keys(visualizer, "channel:conv:3,1-2", "channel:add:0") == [
        "channel/conv/3",
        "channel/conv/1",
        "channel/conv/2",
        "channel/add/0",
    ]
    (neuron,) = find_units(visualizer, "neuron:add:3,14,2")
    assert (neuron.key, neuron.kind, neuron.layer) == ("neuron/add/03-14-2", "neuron", "add")
    assert neuron.index == (3 * 16 + 14) * 4 + 2
    assert isinstance(neuron.objective, Neuron)


def test_names_of_classes(visualizer, tiny_model):
    assert [unit.name for unit in find_units(visualizer, "logit:0,3")] == ["cat", "can opener"]
    assert class_numbers(visualizer, "can opener, 4") == [3, 4]
    (nameless,) = find_units(MacoVisualizer(tiny_model), "logit:3")
    assert nameless.name == "logit 3"


def test_objectives_are_the_units_they_are(visualizer):
    batch = [
        Logit(["dog", 0]),
        Channel("conv", [1, 2]),
        2 * Channel("conv", 1),
        Direction("add", np.ones(4), names="d"),
    ]
    units = find_units(visualizer, batch)
    assert [unit.key for unit in units[:4]] == ["logit/1", "logit/0", "channel/conv/1", "channel/conv/2"]
    assert [(unit.kind, unit.layer, unit.name) for unit in units[4:]] == [
        ("objective", "conv", "2 conv:1"),
        ("objective", "add", "d"),
    ]
    assert all(len(unit.objective) == 1 for unit in units)
    # A unit that is named twice appears once.
    assert keys(visualizer, "logit:1", Logit(1), "logit:*")[:2] == ["logit/1", "logit/0"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("logit:5", "0..4.*5"),
        ("logit:2-7", "0..4.*7"),
        ("logit:bird", "bird"),
        ("logit:", "logit:"),
        ("channel:conv:4", "0..3"),
        ("channel:conv:red", "red"),
        ("channel:nothing:*", "nothing"),
        ("neuron:add:3,14", "3 numbers"),
        ("neuron:add:16,0,0", "16 x 16 x 4"),
        ("conv", "conv"),
        (7, "7"),
    ],
)
def test_wrong_units_are_named(visualizer, spec, message):
    with pytest.raises(ValueError, match=message):
        find_units(visualizer, [spec])


def test_no_units(visualizer):
    with pytest.raises(ValueError, match='"units"'):
        find_units(visualizer, [])
