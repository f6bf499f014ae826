"""Objectives from text."""

import numpy as np
import pytest

from maco_tf.objectives import LayerStatistics, Neuron, parse_objective


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("logit:254", ["logit 254"]),
        ("logit:pug - 0.5*channel:block5a_add:12", ["pug - 0.5 block5a_add:12"]),
        ("-1e-1 * tv + neuron:pool:3", ["-0.1 total variation + pool[centre,3]"]),
        (".5*tv + 2.*l1", ["0.5 total variation + 2 L1"]),
        ("logit:1,2 - l2", ["logit 1 - L2", "logit 2 - L2"]),
        ("layer:my-layer", ["my-layer"]),
        # A sign without spaces, before a weight or a term.
        ("logit:pug-0.5*tv", ["pug - 0.5 total variation"]),
        ("logit:pug-.5*tv+1e-3*l1", ["pug - 0.5 total variation + 0.001 L1"]),
        ("0.5*logit:1-logit:2", ["0.5 logit 1 - logit 2"]),
        ("channel:my-layer-2:3-channel:a:4", ["my-layer-2:3 - a:4"]),
        ("logit:black-and-tan coonhound", ["black-and-tan coonhound"]),
        ("layer:conv-tv", ["conv-tv"]),
        # A position in a layer, and a batch of channels.
        ("neuron:conv:5,5,3", ["conv[5,5,3]"]),
        ("neuron:conv:5", ["conv[centre,5]"]),
        ("logit:n02110958", ["pug"]),
        # A penalty on a layer.
        (
            "logit:pug - 0.1*tv:conv - l1:a/conv:0 + l2:x",
            ["pug - 0.1 total variation of conv - L1 of a/conv:0 + L2 of x"],
        ),
        ("neuron:block0_out:class,7", ["block0_out[class,7]"]),
        ("channel:conv:5,3", ["conv:5", "conv:3"]),
        # The second output of a layer.
        ("channel:block:1:12 - layer:block:0", ["block:1:12 - block:0"]),
    ],
)
def test_objectives_from_text(text, names):
    assert parse_objective(text).names == names


@pytest.mark.parametrize(
    "text",
    [
        "",
        "logit",
        "logit:1 +",
        "channel:a",
        "channel:a:b",
        "channel:a:²",
        "2*",
        "unit:a:1",
        "1..2*tv",
        "neuron:a:b",
        "neuron:a:class",
        "neuron:a:1,class",
        "logit:1,",
        "layer:",
        "tv:",
        254,
    ],
)
def test_text_that_is_not_an_objective(text):
    with pytest.raises(ValueError, match='"objective"'):
        parse_objective(text)


def test_a_neuron_at_a_position_is_one_value_and_not_a_batch():
    neuron = parse_objective("neuron:conv:5,6,3")
    assert len(neuron) == 1
    assert neuron.parameters["position"].tolist() == [[5, 6, 3]]


def test_a_neuron_without_a_position_is_at_the_centre():
    assert parse_objective("neuron:conv:5").structure() == Neuron("conv", 5).structure()
    assert parse_objective("neuron:conv:5").parameters["channel"].tolist() == [5]


@pytest.mark.parametrize(
    ("text", "written"), [("logit:pug-tv", "logit:pug - tv"), ("channel:a:1+l2", "channel:a:1 [+] l2")]
)
def test_a_sign_without_a_space_is_explained(text, written):
    with pytest.raises(ValueError, match=f'"objective" must have a space before a sign.*Write "{written}"'):
        parse_objective(text)


def test_priors(tmp_path):
    objective = parse_objective("logit:254 + 60*bn")
    assert objective.names == ["logit 254 + 60 batch-norm statistics"]
    measured = LayerStatistics(("a",), (np.float32([[0, 1]]),), (np.float32([1]),), (np.float32([1]),), 2)
    path = measured.save(tmp_path / "some-class.npz")
    (weight, prior) = parse_objective(f"5*natural:{path}").terms[0]
    assert weight == 5
    np.testing.assert_array_equal(prior.statistics[0].quantiles[0], [[0, 1]])
    assert parse_objective("logit:3 + natural").terms[1][1].statistics == []
    for text in ("bn:layer", "natural:", f"natural:{tmp_path / 'missing.npz'}"):
        with pytest.raises(ValueError, match=r'"(objective|statistics)" must'):
            parse_objective(text)
