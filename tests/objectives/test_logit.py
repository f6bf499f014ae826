"""Logit: labels of ImageNet, and classes that a model does not have."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models import LOGITS
from maco_tf.objectives import Channel, Logit, Neuron
from maco_tf.objectives.imagenet_labels import label, labels, wnids
from tests.objectives.evaluate import term_scores


def test_labels_name_classes():
    assert Logit("pug").parameters["index"].tolist() == [254]
    assert Logit(["Pug", "great_white_shark"]).parameters["index"].tolist() == [254, 2]
    assert Logit(["pug", 2]).names == ["pug", "great white shark"]
    assert Logit([254, 2]).names == ["logit 254", "logit 2"]
    assert len(labels()) == len(wnids()) == len(set(wnids())) == 1000
    assert wnids()[254] == "n02110958"
    assert Logit(["n02110958", "N01440764", 2]).parameters["index"].tolist() == [254, 0, 2]
    assert Logit("n02110958").names == ["pug"]
    assert label(1000) == "1000"


def test_unknown_and_ambiguous_labels():
    with pytest.raises(ValueError, match=r'"classes".*Did you mean volcano.*class_names'):
        Logit("vulcano").check((1000,))
    with pytest.raises(ValueError, match=r'"classes" must be unambiguous.*134 and 517'):
        Logit(["pug", "crane"]).check((1000,))
    with pytest.raises(ValueError, match=r'"classes".*n00000001.*none of them'):
        Logit("n00000001").check((1000,))


def test_class_names_replace_the_labels_of_imagenet():
    names = ["Cat", "pug", "n01440764", "red_fox"]
    for term in (Logit(["pug", 0, "n01440764", "Red fox"]), 2 * Logit(["pug", 0, "n01440764", "Red fox"])):
        named = term.named(names)
        assert named.terms[0][1].parameters["index"].tolist() == [1, 0, 2, 3]
        assert [name.removeprefix("2 ") for name in named.names] == ["pug", "Cat", "n01440764", "red_fox"]
        named.terms[0][1].check((4,))
        assert named[1:3].terms[0][1].parameters["index"].tolist() == [0, 2]
    # Before the names are known, nothing is lost.
    unknown = Logit(["cat", 3, "pug"])
    assert Logit.from_config(unknown.get_config()).named(names).parameters["index"].tolist()[:2] == [0, 3]
    assert unknown[0].named(names).names == ["Cat"]
    assert Logit(1, names=["mine"]).named(names).names == ["mine"]
    # The names belong to the only output of a model.
    assert Logit(1, output="a").named(names).names == ["logit 1 of a"]


def test_class_names_must_fit_the_model_and_the_objective():
    with pytest.raises(ValueError, match=r'"class_names" must hold a name for each of the 5.*4 names'):
        Logit(1).named(["a", "b", "c", "d"]).check((5,))
    with pytest.raises(ValueError, match=r'"classes".*names of the classes.*Did you mean red fox'):
        Logit("red fix").named(["cat", "red fox"])
    with pytest.raises(ValueError, match='"classes" must lie in'):
        Logit(3).named(["cat", "fox"]).check((2,))


@pytest.mark.parametrize(
    ("term", "shape"),
    [(Logit(5), (5,)), (Logit("pug"), (5,)), (Logit("pug"), (1001,)), (Logit("n02110958"), (5,))],
    ids=str,
)
def test_classes_that_the_model_does_not_have(term, shape):
    with pytest.raises(ValueError, match='"classes"'):
        term.check(shape)


@pytest.mark.parametrize(
    ("shape", "remedies"),
    [
        ((4, 4, 3), [Channel(LOGITS, 2), Neuron(LOGITS, (3, 1, 2))]),
        ((6, 3), [Channel(LOGITS, 2, tokens="all"), Neuron(LOGITS, (5, 2))]),
    ],
)
def test_an_output_of_another_shape_is_refused_with_a_remedy_that_works(shape, remedies):
    with pytest.raises(ValueError, match=r"must belong to an output of shape.*Channel.*class.*Neuron") as error:
        Logit(0).check(shape)
    assert str(shape)[1:-1] in str(error.value)
    for remedy in remedies:
        remedy.check(shape)


def test_the_logit_of_a_model_with_one_score_for_each_image():
    assert term_scores(Logit([0, 0]), np.array([2.0, 3.0])).tolist() == [2, 3]
    Logit(0).check(())
    with pytest.raises(ValueError, match=r'"classes" must lie in 0\.\.0'):
        Logit(1).check(())
    with pytest.raises(ValueError, match="the output 'head'"):
        Logit(7, output="head").check((5,))


def test_classes_in_tensors():
    for classes in (tf.constant([3, 1]), np.array([3, 1]), keras.Variable([3, 1], dtype="int32")):
        assert Logit(classes).names == ["logit 3", "logit 1"]
    assert Logit(np.array(["pug", "volcano"])).names == ["pug", "volcano"]
    assert Logit(tf.argmax([0.1, 0.9])).names == ["logit 1"]


@pytest.mark.parametrize("output", ["", 1, b"classes"])
def test_bad_outputs(output):
    with pytest.raises(ValueError, match='"output"'):
        Logit(0, output=output)
