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
            list; `None` where there is only one.

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
        f'"output" must be one of {", ".join(map(repr, outputs))}: {model.name!r} has {len(outputs)} outputs. '
        f"Received: {name!r}. Say which is meant, as in Logit(254, output={next(iter(outputs))!r}), or name its layer."
    )


def _by_name(model, prediction):
    if isinstance(prediction, dict):
        return dict(prediction)
    if not isinstance(prediction, list | tuple):
        return {"0": prediction}
    names = [str(index) for index in range(len(prediction))]
    given = getattr(model, "output_names", None) or []
    # A functional model names its outputs by their layers; one layer may make two.
    return dict(zip(given if len(set(given)) == len(prediction) else names, prediction))
