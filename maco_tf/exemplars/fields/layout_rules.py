"""Which pixels a value depends on behind operations that arrange, join or sum values: one rule for each operation."""

import string
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from maco_tf.exemplars.fields.pixel_boxes import (
    EMPTY,
    Mode,
    Rule,
    UnknownOperation,
    Values,
    compact,
    constant,
    full,
    shape_of,
    take,
    union,
)


def _reshape(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    boxes: Any = values[0]
    old, new = shape_of(operation.inputs[0]), shape_of(operation.outputs[0])
    if boxes.size == 4:
        return [boxes.reshape((*[1] * len(new), 4))]
    if old and new and old[-1] == new[-1] and boxes.shape[-2] == 1:
        # The usual case, in which the channels need not be written out.
        return [np.broadcast_to(boxes, (*old[:-1], 1, 4)).reshape((*new[:-1], 1, 4))]
    boxes = full(operation.inputs[0], boxes).reshape((*new, 4))
    alike = bool(new) and bool((boxes == boxes[..., :1, :]).all())
    return [boxes[..., :1, :] if alike else boxes]


def _arranged(arrange: Callable[[tf.Operation, np.ndarray], np.ndarray]) -> Rule:
    """A rule for an operation that only moves values: the same is done to the boxes."""

    def rule(operation: tf.Operation, values: Values, mode: Mode) -> Values:
        return [compact(arrange(operation, full(operation.inputs[0], values[0])))]

    return rule


def _transpose(operation: tf.Operation, boxes: np.ndarray) -> np.ndarray:
    return boxes.transpose((*constant(operation, 1).tolist(), boxes.ndim - 1))


def _slice(operation: tf.Operation, boxes: np.ndarray) -> np.ndarray:
    begins, sizes = constant(operation, 1), constant(operation, 2)
    return boxes[tuple(slice(int(b), None if s < 0 else int(b + s)) for b, s in zip(begins, sizes))]


def _strided_slice(operation: tf.Operation, boxes: np.ndarray) -> np.ndarray:
    begins, ends, strides = (constant(operation, number) for number in (1, 2, 3))
    kinds = ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    masks = {kind: int(operation.get_attr(f"{kind}_mask")) for kind in kinds}
    parts: list[Any] = []
    for number, (begin, end, stride) in enumerate(zip(begins, ends, strides)):
        chosen = {kind for kind, mask in masks.items() if mask >> number & 1}
        if "ellipsis" in chosen:
            parts.append(Ellipsis)
        elif "new_axis" in chosen:
            parts.append(None)
        elif "shrink_axis" in chosen:
            parts.append(int(begin))
        else:
            parts.append(
                slice(None if "begin" in chosen else int(begin), None if "end" in chosen else int(end), int(stride))
            )
    if Ellipsis not in parts:
        parts.append(Ellipsis)
    # The last axis holds the coordinates of the boxes.
    index = (*parts, slice(None))
    return boxes[index]


def _tile(operation: tf.Operation, boxes: np.ndarray) -> np.ndarray:
    sizes = zip(shape_of(operation.outputs[0]), shape_of(operation.inputs[0]))
    return np.tile(boxes, (*(new // old for new, old in sizes), 1))


def _broadcast(operation: tf.Operation, boxes: np.ndarray) -> np.ndarray:
    return np.broadcast_to(boxes, (*shape_of(operation.outputs[0]), 4))


def _reverse(operation: tf.Operation, boxes: np.ndarray) -> np.ndarray:
    axes = [int(axis) % (boxes.ndim - 1) for axis in np.atleast_1d(constant(operation, 1))]
    return np.flip(boxes, tuple(axes))


def _roll(operation: tf.Operation, boxes: np.ndarray) -> np.ndarray:
    axes = [int(axis) % (boxes.ndim - 1) for axis in np.atleast_1d(constant(operation, 2))]
    return np.roll(boxes, [int(shift) for shift in np.atleast_1d(constant(operation, 1))], axes)


def _gather(operation: tf.Operation, boxes: np.ndarray) -> np.ndarray:
    if operation.get_attr("batch_dims"):
        raise UnknownOperation("GatherV2 with batch axes")
    return np.take(boxes, constant(operation, 1), axis=int(constant(operation, 2)) % (boxes.ndim - 1))


def _to_batch(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    """SpaceToBatchND, which dilated convolutions use: the positions of one phase become an item of the batch."""
    block, pads = constant(operation, 1).tolist(), constant(operation, 2).tolist()
    boxes, count = _spread(operation, values[0], len(block)), len(block)
    for axis, (before, behind) in enumerate(pads, start=1):
        size = boxes.shape[axis]
        boxes = take(boxes, axis, np.arange(-before, size + behind)[None], mode.extend)
        if size == 1:
            boxes = np.repeat(boxes, 1 + before + behind, axis=axis)
    batch, *sizes = boxes.shape[: count + 1]
    outer = [size // factor for size, factor in zip(sizes, block)]
    split = [part for pair in zip(outer, block) for part in pair]
    rest = boxes.shape[count + 1 :]
    boxes = boxes.reshape((batch, *split, *rest))
    order = (*range(2, 2 * count + 1, 2), 0, *range(1, 2 * count + 1, 2), *range(2 * count + 1, boxes.ndim))
    return [boxes.transpose(order).reshape((-1, *outer, *rest))]


def _from_batch(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    """BatchToSpaceND, the inverse of SpaceToBatchND."""
    block, crops = constant(operation, 1).tolist(), constant(operation, 2).tolist()
    boxes, count = _spread(operation, values[0], len(block)), len(block)
    sizes, rest = boxes.shape[1 : count + 1], boxes.shape[count + 1 :]
    boxes = boxes.reshape((*block, -1, *sizes, *rest))
    pairs = [axis for number in range(count) for axis in (count + 1 + number, number)]
    boxes = boxes.transpose((count, *pairs, *range(2 * count + 1, boxes.ndim)))
    boxes = boxes.reshape((-1, *(size * factor for size, factor in zip(sizes, block)), *rest))
    kept = [slice(before, size - behind) for (before, behind), size in zip(crops, boxes.shape[1:])]
    index = (slice(None), *kept)
    return [boxes[index]]


def _spread(operation: tf.Operation, value: Any, count: int) -> np.ndarray:
    """Boxes with their batch axis and the `count` axes behind it written out."""
    shape = shape_of(operation.inputs[0])[: count + 1]
    return np.broadcast_to(value, (*shape, *value.shape[count + 1 :]))


def _depth_to_space(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    block = int(operation.get_attr("block_size"))
    boxes: Any = _spread(operation, values[0], 2).min(axis=-2, keepdims=True)
    return [np.repeat(np.repeat(boxes, block, axis=1), block, axis=2)]


def _space_to_depth(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    block = int(operation.get_attr("block_size"))
    boxes: Any = _spread(operation, values[0], 2).min(axis=-2, keepdims=True)
    batch, height, width = boxes.shape[:3]
    split = boxes.reshape((batch, height // block, block, width // block, block, 1, 4))
    return [split.min(axis=(2, 4))]


def _parts(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    """Split, SplitV and Unpack: the outputs lie one behind the other along an axis."""
    number = {"Split": 1, "SplitV": 0, "Unpack": 0}[operation.type]
    tensor = operation.inputs[number]
    boxes = full(tensor, values[number])
    if operation.type == "Unpack":
        axis = int(operation.get_attr("axis")) % (boxes.ndim - 1)
        return [compact(np.take(boxes, place, axis=axis)) for place in range(boxes.shape[axis])]
    axis = int(constant(operation, 0 if operation.type == "Split" else 2)) % (boxes.ndim - 1)
    ends = np.cumsum([shape_of(output)[axis] for output in operation.outputs])[:-1]
    return [compact(part) for part in np.split(boxes, ends, axis=axis)]


def _joined(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    """ConcatV2 and Pack; what does not depend on the image has empty boxes."""
    stacked = operation.type == "Pack"
    tensors = operation.inputs if stacked else list(operation.inputs)[:-1]
    rank = tensors[0].shape.rank
    given = operation.get_attr("axis") if stacked else constant(operation, len(tensors))
    axis = int(given) % (rank + stacked)
    boxes = [np.full((*[1] * rank, 4), EMPTY) if value is None else value for value in values[: len(tensors)]]
    if stacked:
        boxes = [np.expand_dims(value, axis) for value in boxes]
    common = list(np.broadcast_shapes(*((*value.shape[:axis], 1, *value.shape[axis + 1 :]) for value in boxes)))
    parts = []
    for tensor, value in zip(tensors, boxes):
        common[axis] = 1 if stacked else shape_of(tensor)[axis]
        parts.append(np.broadcast_to(value, common))
    return [np.concatenate(parts, axis=axis)]


def _reduced(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    boxes: Any = values[0]
    rank = boxes.ndim - 1
    axes = tuple(int(axis) % rank for axis in np.atleast_1d(constant(operation, 1)))
    return [boxes.min(axis=axes, keepdims=bool(operation.get_attr("keep_dims")))] if axes else [boxes]


def _along_channels(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    """Softmax and the like: each value depends on all along the last axis."""
    boxes: Any = values[0]
    return [boxes.min(axis=-2, keepdims=True)]


def _product(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    """Products of matrices: rows of the first with columns of the second."""
    names = ("transpose_a", "transpose_b") if operation.type == "MatMul" else ("adj_x", "adj_y")
    found: Values = []
    for number, name in enumerate(names):
        value = values[number]
        if value is not None:
            value = value.swapaxes(-3, -2) if operation.get_attr(name) else value
            value = value.min(axis=-3 if number else -2, keepdims=True)
        found.append(value)
    return [union(found)]


def _einsum(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    equation = operation.get_attr("equation").decode()
    sources, target = equation.replace(" ", "").split("->")
    if "." in equation or not set(sources) <= {*string.ascii_letters, ","}:
        raise UnknownOperation(f"Einsum {equation}")
    found: Values = []
    for labels, value in zip(sources.split(","), values):
        if value is not None:
            summed = tuple(number for number, label in enumerate(labels) if label not in target)
            kept = [label for label in labels if label in target]
            value = value.min(axis=summed) if summed else value
            order = sorted(range(len(kept)), key=lambda number: target.index(kept[number]))
            value = value.transpose((*order, len(kept)))
            missing = [number for number, label in enumerate(target) if label not in kept]
            value = np.expand_dims(value, missing)
        found.append(value)
    return [union(found)]


def _same(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    """IdentityN, which surrounds functions with a gradient of their own."""
    return values


LAYOUT_RULES: dict[str, Rule] = {
    "All": _reduced,
    "Any": _reduced,
    "BatchMatMul": _product,
    "BatchMatMulV2": _product,
    "BatchMatMulV3": _product,
    "BatchToSpaceND": _from_batch,
    "BroadcastTo": _arranged(_broadcast),
    "ConcatV2": _joined,
    "DepthToSpace": _depth_to_space,
    "Einsum": _einsum,
    "ExpandDims": _reshape,
    "GatherV2": _arranged(_gather),
    "IdentityN": _same,
    "LogSoftmax": _along_channels,
    "LRN": _along_channels,
    "MatMul": _product,
    "Max": _reduced,
    "Mean": _reduced,
    "Min": _reduced,
    "Pack": _joined,
    "Prod": _reduced,
    "Reshape": _reshape,
    "ReverseV2": _arranged(_reverse),
    "Roll": _arranged(_roll),
    "Slice": _arranged(_slice),
    "Softmax": _along_channels,
    "SpaceToBatchND": _to_batch,
    "SpaceToDepth": _space_to_depth,
    "Split": _parts,
    "SplitV": _parts,
    "Squeeze": _reshape,
    "StridedSlice": _arranged(_strided_slice),
    "Sum": _reduced,
    "Tile": _arranged(_tile),
    "Transpose": _arranged(_transpose),
    "Unpack": _parts,
}
