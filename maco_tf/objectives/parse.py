"""Objectives written as text, for the command line: `logit:254 - 0.5*channel:block5a_project_bn:12`."""

import functools
import operator
import re
from typing import Any

from maco_tf.objectives.batch_norm_statistics import BatchNormStatistics
from maco_tf.objectives.channel import Channel, Layer
from maco_tf.objectives.logit import Logit
from maco_tf.objectives.natural_statistics import NaturalStatistics
from maco_tf.objectives.neuron import Neuron
from maco_tf.objectives.objective import Objective
from maco_tf.objectives.penalties import L1, L2, TotalVariation

_PENALTIES = {"tv": TotalVariation, "l1": L1, "l2": L2}
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
# Names of layers and classes may contain hyphens. So a sign has a space before it or is at the start; or a weight or
# the beginning of a term follows, as in "logit:pug-0.5*tv"; but the sign in "1e-3*tv" belongs to the number.
_SIGN = re.compile(
    rf"(?:^|\s+)([+-])\s*|(?<![\d.]e)([+-])\s*(?={_NUMBER}\s*\*|(?:logit|channel|neuron|layer):)", re.IGNORECASE
)
_WEIGHT = re.compile(rf"\s*({_NUMBER})\s*\*\s*(.*)", re.IGNORECASE | re.DOTALL)


def parse_objective(text: str) -> Objective:
    """Read an objective from text.

    Args:
        text: terms with optional weights, joined by " + " and " - ": `logit:CLASS`, `channel:LAYER:UNIT`,
            `neuron:LAYER:CHANNEL`, `layer:LAYER`, `tv`, `l1`, `l2`. "logit:254,933" and "channel:LAYER:1,2" are
            batches of two; "neuron:LAYER:3" is the value of channel 3 at the centre of the map, and
            "neuron:LAYER:5,5,3" the one at the position (5, 5, 3). "tv:LAYER", "l1:LAYER" and "l2:LAYER" belong to a
            layer instead of the image. "bn" is `BatchNormStatistics`, "natural" is `NaturalStatistics`, and
            "natural:FILE" is that of a file.

    Returns:
        An `Objective`.

    Raises:
        ValueError: the text does not follow this grammar.
    """
    if not isinstance(text, str):
        raise ValueError(f'"objective" must be text, such as "logit:254". Received: {text!r}.')
    # One of the two groups is the sign.
    pieces = [piece for piece in _SIGN.split(text.strip()) if piece is not None]
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
    if kind in _PENALTIES and not arguments:
        return _PENALTIES[kind]()
    if kind in _PENALTIES and all(arguments):
        return _PENALTIES[kind](layer=":".join(arguments))
    if kind == "bn" and not arguments:
        return BatchNormStatistics()
    if kind == "natural" and all(arguments):
        return NaturalStatistics(":".join(arguments) or None)
    values = [value.strip() for value in arguments[-1].split(",")] if arguments else []
    # The name of a layer may contain colons.
    layer, rest = ":".join(arguments[:-1]), ":".join(arguments)
    if kind == "logit" and len(arguments) == 1 and all(values):
        _refuse_joined(values[-1], piece, text)
        return Logit([int(value) if value.isdecimal() else value for value in values])
    if kind == "channel" and layer and all(value.isdecimal() for value in values):
        return Channel(layer, [int(value) for value in values])
    if kind == "neuron" and layer:
        position = tuple(int(value) if value.isdecimal() else value for value in values)
        if all(isinstance(value, int) or (index == 0 and value == "class") for index, value in enumerate(position)):
            unit: Any = position if len(position) > 1 else position[0]
            if unit != "class":
                return Neuron(layer, unit)
    if kind == "layer" and rest:
        return Layer(rest)
    if values:
        _refuse_joined(values[-1], piece, text)
    raise ValueError(
        f'"objective" must consist of terms such as logit:254 or channel:LAYER:12. Received: {piece!r} in {text!r}. '
        "See: maco-tf explain --help"
    )


def _refuse_joined(value: str, piece: str, text: str) -> None:
    """Explain a sign without a space before it, as in "logit:pug-tv"."""
    joined = re.search(r"\S([+-])(?:tv|l1|l2|bn)\b", value, re.IGNORECASE)
    if joined:
        place = piece.rindex(value) + joined.start(1)
        spaced = f"{piece[:place]} {joined[1]} {piece[place + 1 :]}"
        raise ValueError(
            f'"objective" must have a space before a sign. Received: {piece!r} in {text!r}. Write "{spaced}".'
        )
