"""One tensor out of everything that a layer or a model returns: an output by name, its logits or its probabilities."""

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from maco_tf.checks import warn_user

# Types of TensorFlow's operations: a classifier's last activation, and operations that keep all values in their order.
_ACTIVATIONS = ("Softmax", "LogSoftmax", "Sigmoid")
_TRANSPARENT = ("Identity", "Cast", "Reshape", "Squeeze", "ExpandDims")


def layer_output(value: Any, reference: str | int) -> tf.Tensor:
    """The single tensor that a layer returned.

    Args:
        value: the layer's return value.
        reference: the user's reference to the layer, for the error.

    Returns:
        The tensor.

    Raises:
        ValueError: the layer returned several tensors.
    """
    leaves = tf.nest.flatten(value)
    if len(leaves) != 1:
        raise ValueError(
            f'"layer" must have one output. Received: {reference!r}, which has {len(leaves)}. Name the layer that '
            "computes the output you mean."
        )
    return leaves[0]


def model_output(model: keras.Model, prediction: Any, name: str | None) -> tf.Tensor:
    """One of a model's outputs.

    Args:
        model: the model.
        prediction: the model's return value.
        name: the output's key if the model returns a dictionary; the name of its layer or its number if the model
            returns a list; a path of these, such as "a/classes", if outputs are nested; `None` if there is only one.

    Returns:
        The tensor.

    Raises:
        ValueError: there is no such output, or there are several and `name` is `None`.
    """
    outputs = _by_name(model, prediction)
    if name is None and len(outputs) == 1:
        return next(iter(outputs.values()))
    if name in outputs:
        return outputs[name]
    raise ValueError(
        f'"output" must be one of {", ".join(map(repr, outputs))}: {model.name!r} has {len(outputs)} output(s). '
        f"Received: {name!r}. Name the output, as in Logit(254, output={next(iter(outputs))!r}), or the layer that "
        "computes it."
    )


def _by_name(model: keras.Model, prediction: Any) -> dict[str, tf.Tensor]:
    """Dictionary, name of an output -> tensor."""
    if isinstance(prediction, list | tuple):
        names = getattr(model, "output_names", None) or []
        # A functional model names its outputs after their layers, and one layer may compute two of them.
        if len(set(names)) == len(prediction):
            prediction = dict(zip(names, prediction))
    return dict(_leaves(prediction, "")) if isinstance(prediction, dict | list | tuple) else {"0": prediction}


def _leaves(value: Any, path: str) -> Iterator[tuple[str, tf.Tensor]]:
    """`(path, tensor)` of a nested structure; a list of one, as `keras.Model(x, [y])` returns, does not lengthen it."""
    if isinstance(value, list | tuple) and len(value) == 1 and path:
        yield from _leaves(value[0], path)
    elif isinstance(value, dict | list | tuple):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, f"{path}/{key}" if path else str(key))
    else:
        yield path, value


def pre_activation(output: tf.Tensor) -> tf.Tensor:
    """Undo a final softmax or sigmoid.

    The graph is followed backwards from the output, so it does not matter how the model applies the activation: as a
    layer, as the activation of a `Dense` layer, as an operation, or inside the `call` of a subclassed model.

    Args:
        output: symbolic tensor of a function that is being traced.

    Returns:
        The input of the softmax or sigmoid, or `output` if the model ends in neither.
    """
    operation = _last_operation(output)
    if _is_hidden(operation):
        warn_user(
            "The model runs inside a tf.function, so a softmax or sigmoid at its end cannot be removed and Logit "
            "maximises the output itself. If the model ends in one, use the layer before it: Neuron(layer, class)."
        )
    if operation.type not in _ACTIVATIONS:
        return output
    return tf.ensure_shape(tf.reshape(operation.inputs[0], tf.shape(output)), output.shape)


def probabilities(output: tf.Tensor) -> tf.Tensor:
    """A classifier's probabilities, whether the model ends in a softmax, in a sigmoid, or in logits.

    Args:
        output: symbolic tensor (batch, classes) of a function that is being traced.

    Returns:
        Float32 tensor (batch, classes) in [0, 1]: the sigmoid of every logit if the model ends in a sigmoid, otherwise
        the softmax over the last axis. It is computed in float32 whatever the model's dtype.
    """
    operation = _last_operation(output)
    if _is_hidden(operation):
        # The last activation is out of sight, so the values decide: non-negative with a sum of one is a distribution.
        values = tf.cast(output, tf.float32)
        sums = tf.reduce_sum(values, axis=-1, keepdims=True)
        distribution = tf.reduce_all(values >= 0) & tf.reduce_all(tf.abs(sums - 1) < 1e-2)
        return tf.where(distribution, values, tf.nn.softmax(values))
    logits = tf.cast(pre_activation(output), tf.float32)
    return tf.sigmoid(logits) if operation.type == "Sigmoid" else tf.nn.softmax(logits)


def _last_operation(output: tf.Tensor) -> tf.Operation:
    """The operation that computed the values, before any that only pass them on."""
    operation = output.op
    while operation.type in _TRANSPARENT:
        operation = operation.inputs[0].op
    return operation


def _is_hidden(operation: tf.Operation) -> bool:
    """Whether the operation is a call of a `tf.function`, whose inside cannot be followed."""
    return operation.type.endswith("PartitionedCall")
