"""One tensor out of what a model or a layer returns."""

import warnings

import tensorflow as tf


def layer_output(value, reference):
    """The one tensor that a layer returned.

    Args:
        value: what it returned.
        reference: its name, for the error.

    Returns:
        The tensor.

    Raises:
        ValueError: there is more than one.
    """
    leaves = tf.nest.flatten(value)
    if len(leaves) != 1:
        raise ValueError(
            f"One output is needed; the layer {reference!r} has {len(leaves)}. Name the layer that makes the one you "
            'mean, as in Neuron("layer", unit).'
        )
    return leaves[0]


def model_output(model, prediction, name):
    """One of a model's outputs.

    Args:
        model: the `keras.Model`.
        prediction: what it returned.
        name: the output's key where the model returns a dictionary, its layer's name or its number where it returns a
            list; a path of such, "a/classes", where one is nested; `None` where there is only one.

    Returns:
        The tensor.

    Raises:
        ValueError: there is no such output, or several and no name.
    """
    outputs = _by_name(model, prediction)
    if name is None and len(outputs) == 1:
        return next(iter(outputs.values()))
    if name in outputs:
        return outputs[name]
    raise ValueError(
        f'"output" must be one of {", ".join(map(repr, outputs))}: {model.name!r} has {len(outputs)} output(s). '
        f"Received: {name!r}. Say which is meant, as in Logit(254, output={next(iter(outputs))!r}), or name its layer."
    )


def _by_name(model, prediction):
    """Dictionary, name -> tensor."""
    if isinstance(prediction, list | tuple):
        given = getattr(model, "output_names", None) or []
        # A functional model names its outputs by their layers; one layer may make two.
        if len(set(given)) == len(prediction):
            prediction = dict(zip(given, prediction))
    return dict(_leaves(prediction, "")) if isinstance(prediction, dict | list | tuple) else {"0": prediction}


def _leaves(value, path):
    """`(path, tensor)` of a nested structure; a list of one, as `keras.Model(x, [y])` returns, adds nothing to it."""
    if isinstance(value, list | tuple) and len(value) == 1 and path:
        yield from _leaves(value[0], path)
    elif isinstance(value, dict | list | tuple):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, f"{path}/{key}" if path else str(key))
    else:
        yield path, value


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
