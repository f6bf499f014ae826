"""Follow boxes of pixels through the graph of a traced function, operation by operation."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from maco_tf.exemplars.fields.layout_rules import LAYOUT_RULES
from maco_tf.exemplars.fields.pixel_boxes import Mode, UnknownOperation, Values, union
from maco_tf.exemplars.fields.window_rules import WINDOW_RULES

# Operations whose values depend on those at the same place of their inputs.
_NAMES = """
    Abs Add AddN AddV2 BiasAdd Cast Ceil CheckNumerics ClipByValue Cos Cosh DivNoNan Elu EnsureShape Equal Erf
    Erfc Exp Expm1 Floor FloorDiv FloorMod Greater GreaterEqual Identity Inv IsFinite IsInf IsNan LeakyRelu
    Less LessEqual Log Log1p LogicalAnd LogicalNot LogicalOr Maximum Minimum Mul MulNoNan Neg NotEqual Pow
    PreventGradient RealDiv Reciprocal Relu Relu6 Rint Round Rsqrt Select SelectV2 Selu Sigmoid Sign Sin Sinh
    Softplus Softsign Sqrt Square SquaredDifference StopGradient Sub Tan Tanh Xdivy Xlogy
"""
_ELEMENTWISE = frozenset(_NAMES.split())
# Operations that read the shape of a tensor and not its values.
_SHAPES = ("OnesLike", "Rank", "Shape", "ShapeN", "Size", "ZerosLike")
_RULES = {**LAYOUT_RULES, **WINDOW_RULES}
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")


def follow(graph: tf.Graph, known: Mapping[str, np.ndarray | None], wanted: Sequence[tf.Tensor], mode: Mode) -> Values:
    """The boxes of some tensors of a graph.

    Args:
        graph: the graph of a traced function in which all shapes are known.
        known: dictionary, name of a tensor -> its boxes.
        wanted: tensors of the graph.
        mode: how boxes are followed.

    Returns:
        List of arrays, or `None` for tensors that do not depend on the known ones.

    Raises:
        UnknownOperation: a wanted tensor depends on an operation without a rule; the message names its type.
    """
    boxes, needed = dict(known), _ancestors(wanted)
    # Operations are listed in the order in which they were traced: inputs come first.
    for operation in graph.get_operations():
        values = [boxes.get(tensor.name) for tensor in operation.inputs]
        if operation.name not in needed or all(value is None for value in values):
            continue
        boxes.update(zip((tensor.name for tensor in operation.outputs), _apply(operation, values, mode)))
    return [boxes.get(tensor.name) for tensor in wanted]


def _ancestors(tensors: Sequence[tf.Tensor]) -> set[str]:
    """The names of the operations on which tensors depend."""
    found: set[str] = set()
    pending = [tensor.op for tensor in tensors]
    while pending:
        operation = pending.pop()
        if operation.name not in found:
            found.add(operation.name)
            pending.extend(tensor.op for tensor in operation.inputs)
    return found


def _apply(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    kind = operation.type
    if kind in _ELEMENTWISE:
        return [_elementwise(operation, values, mode)]
    if kind in _SHAPES:
        return [None] * len(operation.outputs)
    if kind in _CALLS:
        body = operation.graph._get_function(operation.get_attr("f").name).graph
        known = {tensor.name: value for tensor, value in zip(body.inputs, values)}
        return follow(body, known, body.outputs, mode)
    if kind in _RULES:
        return _RULES[kind](operation, values, mode)
    raise UnknownOperation(kind)


def _elementwise(operation: tf.Operation, values: Values, mode: Mode) -> np.ndarray | None:
    if not mode.strict and len(values) == 2 and values[0] is not None and values[1] is not None:
        for this, other in ((0, 1), (1, 0)):
            if _is_alike(operation.inputs[this], values[other]):
                return values[other]
    return union(values)


def _is_alike(tensor: tf.Tensor, other: Any) -> bool:
    """Whether a tensor has one value for all positions between which the boxes of another differ."""
    rank = other.ndim - 1
    varying = [axis for axis in range(rank - 1) if other.shape[axis] > 1]
    return tensor.shape.rank == rank and bool(varying) and all(tensor.shape[axis] == 1 for axis in varying)
