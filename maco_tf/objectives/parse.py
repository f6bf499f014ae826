"""Objectives written as text, for the command line: `logit:254 - 0.5*channel:block5a_project_bn:12`."""

import functools
import operator
import re

from maco_tf.objectives.channel import Channel, Layer
from maco_tf.objectives.image_terms import L1, L2, TotalVariation
from maco_tf.objectives.logit import Logit
from maco_tf.objectives.neuron import Neuron
from maco_tf.objectives.objective import Objective

_IMAGE_TERMS = {"tv": TotalVariation, "l1": L1, "l2": L2}
# A sign needs a space before it, except at the start, because the names of layers may contain hyphens.
_SIGN = re.compile(r"(?:^|\s+)([+-])\s*")
_WEIGHT = re.compile(r"\s*((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*\*\s*(.*)", re.IGNORECASE | re.DOTALL)


def parse_objective(text: str) -> Objective:
    """Read an objective from text.

    Args:
        text: terms with optional weights, joined by " + " and " - ": `logit:CLASS`, `channel:LAYER:UNIT`,
            `neuron:LAYER:UNIT`, `layer:LAYER`, `tv`, `l1`, `l2`. "logit:254,933" is a batch of two.

    Returns:
        An `Objective`.

    Raises:
        ValueError: the text does not follow this grammar.
    """
    pieces = _SIGN.split(text.strip())
    # "a + b" splits into [a, +, b]; a sign at the start leaves an empty first piece.
    signed = [("+", pieces[0])] if pieces[0].strip() else []
    signed += list(zip(pieces[1::2], pieces[2::2]))
    if not signed:
        raise ValueError(f'"objective" must not be empty. Received: {text!r}. See: maco-tf explain --help')
    addends = []
    for sign, piece in signed:
        match = _WEIGHT.match(piece)
        weight, term = (float(match[1]), match[2]) if match else (1.0, piece)
        weight = -weight if sign == "-" else weight
        addend = _term(term.strip(), text)
        addends.append(addend if weight == 1 else weight * addend)
    return functools.reduce(operator.add, addends)


def _term(piece: str, text: str) -> Objective:
    kind, *arguments = piece.split(":")
    kind = kind.lower()
    if kind in _IMAGE_TERMS and not arguments:
        return _IMAGE_TERMS[kind]()
    if kind == "logit" and len(arguments) == 1:
        classes = [value.strip() for value in arguments[0].split(",")]
        return Logit([int(value) if value.isdecimal() else value for value in classes])
    if kind in ("channel", "neuron") and len(arguments) == 2:
        units = [value.strip() for value in arguments[1].split(",")]
        if all(value.isdecimal() for value in units):
            return (Channel if kind == "channel" else Neuron)(arguments[0], [int(value) for value in units])
    if kind == "layer" and len(arguments) == 1:
        return Layer(arguments[0])
    raise ValueError(
        f'"objective" must consist of terms such as logit:254 or channel:LAYER:12. Received: {piece!r} in {text!r}. '
        "See: maco-tf explain --help"
    )
