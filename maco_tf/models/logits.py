"""The value before a classifier's last softmax or sigmoid, and the probability after it."""

import warnings

import tensorflow as tf

_ACTIVATIONS = ("Softmax", "LogSoftmax", "Sigmoid")
# Operations that keep every value and their order.
_TRANSPARENT = ("Identity", "Cast", "Reshape", "Squeeze", "ExpandDims")


def pre_activation(output):
    """Undo a model's final softmax or sigmoid.

    The graph is read backwards from the output, so that it does not matter how the model applies it: as a layer,
    as a `Dense` layer's activation, as an operation, or inside a subclassed model's `call`.

    Args:
        output: symbolic tensor of a function being traced.

    Returns:
        The softmax's or sigmoid's input, or `output` where the model ends in neither.
    """
    operation = _last_operation(output)
    if _is_hidden(operation):
        warnings.warn(
            "The model runs as a tf.function of its own, so a softmax or sigmoid at its end cannot be taken off: Logit "
            "maximises the output as it is. Name the layer before it, as in Neuron(layer, class), if it ends in one.",
            stacklevel=2,
        )
    if operation.type not in _ACTIVATIONS:
        return output
    return tf.ensure_shape(tf.reshape(operation.inputs[0], tf.shape(output)), output.shape)


def probabilities(output):
    """A classifier's probabilities, whether it ends in a softmax, in a sigmoid, or in logits.

    Args:
        output: symbolic tensor (batch, classes) of a function being traced.

    Returns:
        Tensor of the same shape, float32 in [0, 1]: the sigmoid of each value where the model ends in a sigmoid, the
        softmax over the last axis otherwise. Both are taken in float32, whatever the model's dtype.
    """
    operation = _last_operation(output)
    if _is_hidden(operation):
        # What the model ends in cannot be read, so its values have to tell.
        values = tf.cast(output, tf.float32)
        sums = tf.reduce_sum(values, axis=-1, keepdims=True)
        distribution = tf.reduce_all(values >= 0) & tf.reduce_all(tf.abs(sums - 1) < 1e-2)
        return tf.where(distribution, values, tf.nn.softmax(values))
    logits = tf.cast(pre_activation(output), tf.float32)
    return tf.sigmoid(logits) if operation.type == "Sigmoid" else tf.nn.softmax(logits)


def _last_operation(output):
    """The operation that made the values, past those which only carry them."""
    operation = output.op
    while operation.type in _TRANSPARENT:
        operation = operation.inputs[0].op
    return operation


def _is_hidden(operation):
    return operation.type.endswith("PartitionedCall")
