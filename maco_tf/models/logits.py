"""The value before a classifier's last softmax or sigmoid."""

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
    operation = output.op
    while operation.type in _TRANSPARENT:
        operation = operation.inputs[0].op
    if operation.type.endswith("PartitionedCall"):
        warnings.warn(
            "The model runs as a tf.function of its own, so a softmax or sigmoid at its end cannot be taken off: Logit "
            "maximises the output as it is. Name the layer before it, as in Neuron(layer, class), if it ends in one.",
            stacklevel=2,
        )
    if operation.type not in _ACTIVATIONS:
        return output
    return tf.ensure_shape(tf.reshape(operation.inputs[0], tf.shape(output)), output.shape)
