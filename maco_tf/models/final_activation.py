"""The logits behind a classifier's probabilities, found by following the graph backwards from the output."""

from collections.abc import Iterable, Sequence

import keras
import tensorflow as tf

from maco_tf.checks import warn_user
from maco_tf.models.layers import layer_paths

# Types of TensorFlow's operations. Activations whose input is the logits:
_ACTIVATIONS = ("Softmax", "LogSoftmax", "Sigmoid")
# Operations that select, arrange or join values without changing them.
_ARRANGED = ("Identity", "PreventGradient", "EnsureShape", "Reshape", "Squeeze", "ExpandDims")
_MOVES = (*_ARRANGED, "Transpose", "StridedSlice", "Slice", "GatherV2", "ConcatV2", "Pack")
# Operations that limit values, as `clip_by_value` and a bound before a logarithm do.
_LIMITS = ("Minimum", "Maximum", "ClipByValue")
# Operations that make a mixture, a product or another function of probabilities, whose logits are not defined.
_ADDITIONS = ("Add", "AddV2", "AddN", "BiasAdd", "Sub", "Mean", "Sum")
_MULTIPLICATIONS = ("Mul", "RealDiv", "DivNoNan", "Prod", "Pow", "Square", "Sqrt", "Log", "Exp")
_MIXTURES = (*_ADDITIONS, *_MULTIPLICATIONS, "Max", "Min", "MaxPool", "AvgPool")


def pre_activation(output: tf.Tensor, model: keras.Model | None = None) -> tf.Tensor:
    """Undo a final softmax or sigmoid.

    The graph is followed backwards from the output, so it does not matter how the model applies the activation: as a
    layer, as the activation of a `Dense` layer, as an operation, inside the `call` of a subclassed model, or written
    out as exp(x) / sum(exp(x)) or 1 / (1 + exp(-x)). Probabilities that are clipped, joined, sliced or reshaped
    afterwards have logits as well.

    An average of several networks' probabilities, for example, has no logits. The output is returned unchanged, with a
    warning, because the gradient of a probability vanishes near 0 and 1.

    Args:
        output: symbolic tensor of a function that is being traced.
        model: the model, for the layers that the warning names.

    Returns:
        The logits, of the output's shape; `output` if it is not made of probabilities, or has no logits.
    """
    search = _Search()
    logits = search.logits(output)
    if search.hidden:
        warn_user(
            "The model runs inside a tf.function or a SavedModel, so a softmax or sigmoid at its end cannot be removed "
            "and the objective maximises the output itself. If the model ends in one, read the layer before it, as in "
            "Neuron(layer, class)."
        )
    elif search.unresolved:
        names = _layers(search.unresolved, model)
        terms = " + ".join(f'Neuron("{name}:logits", class)' for name in names[:3])
        remedy = f"Maximise the logits that it is computed from: {terms}" if names else "Use the layer before it"
        warn_user(
            "The output is computed from probabilities and has no logits, so the objective maximises a probability, "
            f"whose gradient vanishes near 0 and 1. {remedy}."
        )
    if logits is None:
        return output
    return tf.ensure_shape(tf.reshape(logits, tf.shape(output)), output.shape)


def probabilities(output: tf.Tensor) -> tf.Tensor:
    """A classifier's probabilities, whether the model ends in a softmax, in a sigmoid, or in logits.

    Args:
        output: symbolic tensor (batch, classes) of a function that is being traced.

    Returns:
        Float32 tensor (batch, classes) in [0, 1]: the output if it is made of probabilities, and the softmax over its
        last axis if it is logits or logarithms of probabilities. The last softmax or sigmoid is computed in float32
        whatever the model's dtype.
    """
    last = _without_moves(output).op
    values = tf.cast(output, tf.float32)
    if _is_hidden(last):
        # The last activation is out of sight, so the values decide: non-negative with a sum of one is a distribution.
        sums = tf.reduce_sum(values, axis=-1, keepdims=True)
        distribution = tf.reduce_all(values >= 0) & tf.reduce_all(tf.abs(sums - 1) < 1e-2)
        return tf.where(distribution, values, tf.nn.softmax(values))
    if last.type in _ACTIVATIONS:
        logits = tf.cast(tf.reshape(last.inputs[0], tf.shape(output)), tf.float32)
        return tf.sigmoid(logits) if last.type == "Sigmoid" else tf.nn.softmax(logits)
    return values if _is_probability(output) else tf.nn.softmax(values)


def is_softmax(output: tf.Tensor) -> bool:
    """Whether a tensor is a softmax, such as the map of probabilities of a segmentation network.

    Args:
        output: symbolic tensor of a function that is being traced.
    """
    last = _without_moves(output).op
    return last.type == "Softmax" or _of_written_softmax(last) is not None


class _Search:
    """A search for logits.

    Attributes:
        unresolved: probabilities without logits that the output is made of.
        hidden: whether the search ended at the call of a `tf.function`, whose inside cannot be followed.
    """

    def __init__(self) -> None:
        self.unresolved: list[tf.Tensor] = []
        self.hidden = False

    def logits(self, tensor: tf.Tensor) -> tf.Tensor | None:
        """The logits of a tensor of probabilities; `None` if it is something else or has none."""
        operation = tensor.op
        if operation.type in _ACTIVATIONS:
            return operation.inputs[0]
        for written in (_of_written_softmax, _of_written_sigmoid):
            if (found := written(operation)) is not None:
                return found
        if operation.type == "Cast" and operation.inputs[0].dtype.is_floating:
            inner = self.logits(operation.inputs[0])
            return None if inner is None else tf.cast(inner, tensor.dtype)
        varying = _varying(operation)
        if operation.type in _MOVES and varying:
            return self._moved(tensor)
        if operation.type in _LIMITS and len(varying) == 1:
            return self.logits(varying[0])
        if operation.type == "Log" and (inner := _Search().logits(_without_bound(operation.inputs[0]))) is not None:
            return inner
        self.hidden |= _is_hidden(operation)
        if _is_probability(tensor):
            self.unresolved.append(tensor)
        return None

    def _moved(self, tensor: tf.Tensor) -> tf.Tensor | None:
        """The logits of values that an operation moves, moved in the same way."""
        operation = tensor.op
        found = {
            index: logits
            for index, value in enumerate(operation.inputs)
            if value.dtype.is_floating and (logits := self.logits(value)) is not None
        }
        if not found:
            return None
        inputs = [
            tf.cast(tf.reshape(found[index], tf.shape(value)), value.dtype) if index in found else value
            for index, value in enumerate(operation.inputs)
        ]
        attributes = {name: value for name, value in operation.node_def.attr.items() if not name.startswith("_")}
        moved = operation.graph.create_op(operation.type, inputs, [tensor.dtype], attrs=attributes)
        return moved.outputs[0]


def _is_probability(tensor: tf.Tensor) -> bool:
    """Whether a tensor is made of nothing but probabilities and constants."""
    operation = tensor.op
    if operation.type in ("Softmax", "Sigmoid"):
        return True
    if _of_written_softmax(operation) is not None or _of_written_sigmoid(operation) is not None:
        return True
    if operation.type not in (*_MOVES, *_LIMITS, *_MIXTURES, "Cast"):
        return False
    varying = _varying(operation)
    return bool(varying) and all(_is_probability(value) for value in varying)


def _of_written_softmax(operation: tf.Operation) -> tf.Tensor | None:
    """The logits x of exp(x) / sum(exp(x)), with or without a maximum that is subtracted first, or of
    exp(log_softmax(x))."""
    if operation.type == "Exp":
        logarithm = _without_moves(operation.inputs[0]).op
        if logarithm.type == "LogSoftmax":
            return logarithm.inputs[0]
        if logarithm.type == "Sub" and _reduces(logarithm.inputs[1], ("Log",), logarithm.inputs[0]):
            return logarithm.inputs[0]
        return None
    if operation.type == "RealDiv":
        above, below = operation.inputs
    elif operation.type == "Mul" and any(value.op.type in ("Reciprocal", "Inv") for value in operation.inputs):
        above, below = sorted(operation.inputs, key=lambda value: value.op.type in ("Reciprocal", "Inv"))
        below = below.op.inputs[0]
    else:
        return None
    above, below = _without_moves(above), _without_bound(_without_moves(below))
    if above.op.type != "Exp" or below.op.type != "Sum" or not _same(_without_moves(below.op.inputs[0]), above):
        return None
    shifted = _without_moves(above.op.inputs[0])
    if shifted.op.type == "Sub" and _reduces(shifted.op.inputs[1], ("Max",), shifted.op.inputs[0]):
        return shifted.op.inputs[0]
    return shifted


def _of_written_sigmoid(operation: tf.Operation) -> tf.Tensor | None:
    """The logits x of 1 / (1 + exp(-x))."""
    if operation.type in ("Reciprocal", "Inv"):
        below = operation.inputs[0]
    elif operation.type == "RealDiv" and not _varies(operation.inputs[0]):
        below = operation.inputs[1]
    else:
        return None
    exponentials = [value for value in _varying(below.op) if value.op.type == "Exp"]
    if below.op.type not in ("Add", "AddV2") or len(exponentials) != 1:
        return None
    exponent = exponentials[0].op.inputs[0]
    # Of exp(x) in place of exp(-x), the score falls with x.
    return exponent.op.inputs[0] if exponent.op.type == "Neg" else -exponent


def _reduces(tensor: tf.Tensor, types: Sequence[str], value: tf.Tensor) -> bool:
    """Whether a tensor is a reduction of a value along an axis: its maximum, or the logarithm of a sum over it."""
    operation = _without_moves(tensor).op
    while operation.type in ("StopGradient", *_MOVES):
        operation = operation.inputs[0].op
    if operation.type not in types:
        return operation.type in ("AddV2", "Add") and "Log" in types and _depends_on(operation, value)
    return operation.inputs[0] is value if operation.type == "Max" else _depends_on(operation, value)


def _same(one: tf.Tensor, other: tf.Tensor, depth: int = 6) -> bool:
    """Whether two tensors are one, or are computed from the same tensors by the same few operations."""
    if one is other:
        return True
    a, b = one.op, other.op
    if not depth or a.type != b.type or len(a.inputs) != len(b.inputs) or one.dtype != other.dtype:
        return False
    if not a.inputs:
        return a.type == "Const" and a.get_attr("value") == b.get_attr("value")
    return all(_same(*inputs, depth - 1) for inputs in zip(a.inputs, b.inputs))


def _depends_on(operation: tf.Operation, value: tf.Tensor, depth: int = 8) -> bool:
    """Whether few operations lie between a value and an operation."""
    return depth > 0 and any(
        given is value or _depends_on(given.op, value, depth - 1)
        for given in operation.inputs
        if given.dtype.is_floating
    )


def _without_moves(tensor: tf.Tensor) -> tf.Tensor:
    """The values before operations that keep all of them in their order."""
    while tensor.op.type in _ARRANGED or (tensor.op.type == "Cast" and tensor.op.inputs[0].dtype.is_floating):
        tensor = tensor.op.inputs[0]
    return tensor


def _without_bound(tensor: tf.Tensor) -> tf.Tensor:
    """The value before a small constant is added to it, or a bound is set."""
    varying = _varying(tensor.op)
    return varying[0] if tensor.op.type in ("Add", "AddV2", *_LIMITS) and len(varying) == 1 else tensor


def _varying(operation: tf.Operation) -> list[tf.Tensor]:
    """The floating-point inputs of an operation that are not constants or weights."""
    return [value for value in operation.inputs if value.dtype.is_floating and _varies(value)]


def _varies(tensor: tf.Tensor) -> bool:
    """Whether a tensor depends on more than constants and weights."""
    waiting, seen = [tensor.op], set[str]()
    while waiting:
        operation = waiting.pop()
        if operation.name in seen or operation.type in ("Const", "ReadVariableOp", "Shape"):
            continue
        seen.add(operation.name)
        if not operation.inputs:
            return True
        waiting += [value.op for value in operation.inputs]
    return False


def _is_hidden(operation: tf.Operation) -> bool:
    """Whether the operation is a call of a `tf.function`, whose inside cannot be followed."""
    return operation.type.endswith("PartitionedCall")


def _layers(tensors: Iterable[tf.Tensor], model: keras.Model | None) -> list[str]:
    """The layers in which the activations behind some probabilities are computed, as the names of operations say."""
    paths: dict[str, list[str]] = {}
    for path in layer_paths(model) if model is not None else ():
        paths.setdefault(path.rsplit("/", 1)[-1].partition("@")[0], []).append(path)
    found: dict[str, None] = {}
    waiting = [tensor.op for tensor in tensors]
    while waiting:
        operation = waiting.pop(0)
        if operation.type in ("Softmax", "Sigmoid"):
            scopes = reversed(operation.name.split("/")[:-1])
            # TensorFlow numbers a scope that is entered again: "head_1".
            names = [name for scope in scopes for name in (scope, scope.rpartition("_")[0]) if name in paths]
            if names:
                found.setdefault(names[0] if len(paths[names[0]]) == 1 else paths[names[0]][0])
            continue
        waiting += [value.op for value in _varying(operation)]
    return list(found)
