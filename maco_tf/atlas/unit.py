"""Units: what an atlas shows, each under a key that is the address of its page."""

import dataclasses
import hashlib
import re

from maco_tf.objectives.objective import Objective

# A key becomes a folder, and names longer than 255 bytes are refused by file systems.
_LONGEST = 100


@dataclasses.dataclass(frozen=True, eq=False)
class Unit:
    """A unit of a model: a class, a channel, a neuron, a concept, or a cell of an activation grid.

    Attributes:
        key: stable and safe in a URL and as a path, such as "channel/block5b_add/012".
        kind: "logit", "channel", "neuron", "concept", "cell" or "objective".
        layer: the path of its layer; `None` for a class.
        index: its number among the units of its kind and layer.
        name: the name that is shown.
        objective: an `Objective` of length one.
    """

    key: str
    kind: str
    layer: str | None
    index: int
    name: str
    objective: Objective


def safe_name(name: str) -> str:
    """A part of a key for a name, such as that of a layer.

    Args:
        name: any text.

    Returns:
        The name if it holds letters of ASCII, digits, "_", "-" and "." only. Otherwise other characters become "-", and
        six digits of a hash keep different names apart.
    """
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:_LONGEST].lstrip(".")
    if safe == name and safe:
        return safe
    return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def padded_number(number: int, count: int) -> str:
    """A number with zeros in front, so that keys sort by number.

    Args:
        number: from 0.
        count: how many numbers there are; its digits set the width.
    """
    return f"{number:0{len(str(count))}d}"


def logit_key(index: int, classes: int) -> str:
    """The key of a class of a model with so many classes, such as "logit/0254"."""
    return f"logit/{padded_number(index, classes)}"


def channel_key(layer: str, index: int, channels: int) -> str:
    """The key of a channel of a layer with so many channels, such as "channel/block5b_add/012"."""
    return f"channel/{safe_name(layer)}/{padded_number(index, channels)}"


def concept_key(index: int, classes: int, number: int, concepts: int) -> str:
    """The key of a concept of a class, such as "concept/0254/03", with the number of classes and of its concepts."""
    return f"concept/{padded_number(index, classes)}/{padded_number(number, concepts)}"


def cell_key(layer: str, row: int, column: int, rows: int, columns: int) -> str:
    """The key of a cell of the activation grid of a layer, such as "cell/block5b_add/04-11"."""
    return f"cell/{safe_name(layer)}/{padded_number(row, rows)}-{padded_number(column, columns)}"
