"""Logit: labels of ImageNet, and classes that a model does not have."""

import pytest

from maco_tf.objectives import Logit
from maco_tf.objectives.imagenet_labels import label, labels, wnids


def test_labels_name_classes():
    assert Logit("pug").parameters["index"].tolist() == [254]
    assert Logit(["Pug", "great_white_shark"]).parameters["index"].tolist() == [254, 2]
    assert Logit(["pug", 2]).names == ["pug", "great white shark"]
    assert Logit([254, 2]).names == ["logit 254", "logit 2"]
    assert len(labels()) == len(wnids()) == len(set(wnids())) == 1000
    assert wnids()[254] == "n02110958"
    assert label(1000) == "1000"


def test_unknown_and_ambiguous_labels():
    with pytest.raises(ValueError, match=r'"classes".*Did you mean volcano'):
        Logit("vulcano")
    with pytest.raises(ValueError, match=r'"classes" must be unambiguous.*134 and 517'):
        Logit("crane")


@pytest.mark.parametrize(("term", "shape"), [(Logit(5), (5,)), (Logit("pug"), (5,)), (Logit("pug"), (1001,))], ids=str)
def test_classes_that_the_model_does_not_have(term, shape):
    with pytest.raises(ValueError, match='"classes"'):
        term.check(shape)


def test_a_model_that_is_not_a_classifier():
    with pytest.raises(ValueError, match="one output of shape"):
        Logit(0).check((4, 4, 3))


@pytest.mark.parametrize("output", ["", 1, b"classes"])
def test_bad_outputs(output):
    with pytest.raises(ValueError, match='"output"'):
        Logit(0, output=output)
