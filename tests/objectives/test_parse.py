"""Objectives from text."""

import pytest

from maco_tf.objectives import parse_objective


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("logit:254", ["logit 254"]),
        ("logit:pug - 0.5*channel:block5a_add:12", ["pug - 0.5 block5a_add:12"]),
        ("-1e-1 * tv + neuron:pool:3", ["-0.1 total variation + pool[3]"]),
        (".5*tv + 2.*l1", ["0.5 total variation + 2 L1"]),
        ("logit:1,2 - l2", ["logit 1 - L2", "logit 2 - L2"]),
        ("layer:my-layer", ["my-layer"]),
    ],
)
def test_objectives_from_text(text, names):
    assert parse_objective(text).names == names


@pytest.mark.parametrize(
    "text", ["", "logit", "logit:1 +", "channel:a", "channel:a:b", "channel:a:²", "2*", "unit:a:1", "1..2*tv"]
)
def test_text_that_is_not_an_objective(text):
    with pytest.raises(ValueError, match='"objective"'):
        parse_objective(text)
