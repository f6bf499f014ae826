"""The value before a classifier's last softmax or sigmoid."""

_ACTIVATIONS = ("Softmax", "Sigmoid")
# Operations that pass a value through unchanged.
_TRANSPARENT = ("Identity", "Cast", "StopGradient")


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
    return operation.inputs[0] if operation.type in _ACTIVATIONS else output
