"""The boxes of a tensor: which pixels its values depend on.

Boxes are an array (*shape, 4) of int64 that holds (top, left, -bottom, -right), in pixels, for each value of the
tensor. With these signs, the smallest box around several is their minimum. Along an axis on which all boxes agree, such
as most channel axes, the array may have size 1. `None` stands for a tensor that does not depend on the image.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

# The coordinates of a box that contains nothing: no image is that large.
EMPTY = 1 << 40
# The position of a tap that reads nothing.
NOWHERE = -(1 << 20)


class UnknownOperation(Exception):
    """No rule tells which pixels an operation reads."""


@dataclasses.dataclass(frozen=True)
class Mode:
    """How boxes are followed.

    Attributes:
        extend: whether padding counts as image beyond the border, so that all fields have their full size.
        strict: whether a factor or a summand that is the same at all positions counts.
    """

    extend: bool
    strict: bool


# (operation, boxes of its inputs, mode) -> boxes of its outputs
Values = list[np.ndarray | None]
Rule = Callable[[tf.Operation, Values, Mode], Values]


def union(values: Values) -> np.ndarray | None:
    """The smallest box around those of some tensors, whose shapes broadcast."""
    found: np.ndarray | None = None
    for value in values:
        if value is not None:
            found = value if found is None or found is value else np.minimum(found, value)
    return found


def constant(operation: tf.Operation, index: int) -> np.ndarray:
    """The value of an operation's input that does not depend on the image, such as a size or an axis."""
    value = tf.get_static_value(operation.inputs[index])
    if value is None:
        raise UnknownOperation(f"{operation.type} with sizes that depend on the image")
    return np.asarray(value)


def shape_of(tensor: tf.Tensor) -> tuple[int, ...]:
    """The shape of a tensor, with its batch axis."""
    if not tensor.shape.is_fully_defined():
        raise UnknownOperation(f"{tensor.op.type} of unknown shape")
    return tuple(tensor.shape.as_list())


def full(tensor: tf.Tensor, value: np.ndarray | None) -> np.ndarray:
    """Boxes with all axes of their tensor; a view."""
    shape = (*shape_of(tensor), 4)
    return np.broadcast_to(np.int64(EMPTY) if value is None else value, shape)


def compact(boxes: np.ndarray) -> np.ndarray:
    """Undo `full` on the axes that only repeat."""
    repeats = [stride == 0 and axis < boxes.ndim - 1 for axis, stride in enumerate(boxes.strides)]
    return boxes[tuple(slice(0, 1) if repeat else slice(None) for repeat in repeats)]


def take(boxes: np.ndarray, axis: int, index: np.ndarray, extend: bool) -> np.ndarray:
    """The smallest box around those at some positions, for each output position.

    Args:
        boxes: boxes of the input.
        axis: the axis that `index` counts.
        index: integers (taps, output positions); positions outside the input are padding.
        extend: whether padding has the boxes that continue those inside; otherwise it has empty ones.
    """
    count = boxes.shape[axis]
    if count == 1:
        return boxes
    inputs = np.moveaxis(boxes, axis, 0)
    taken = inputs[np.clip(index, 0, count - 1)]
    inside = (index >= 0) & (index < count)
    if extend:
        trailing = (..., *[None] * (boxes.ndim - 1))
        before, behind = np.minimum(index, 0)[trailing], np.maximum(index - count + 1, 0)[trailing]
        taken = taken + before * (inputs[1] - inputs[0]) + behind * (inputs[-1] - inputs[-2])
        inside = index > NOWHERE
    taken[~inside] = EMPTY
    return np.moveaxis(taken.min(axis=0), 0, axis)
