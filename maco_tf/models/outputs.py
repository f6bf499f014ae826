"""One tensor out of what a model or a layer returns."""

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
