"""One tensor out of everything that a model returns."""

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf


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
    outputs = outputs_by_name(model, prediction)
    if name is None and len(outputs) == 1:
        return next(iter(outputs.values()))
    if name in outputs:
        return outputs[name]
    raise ValueError(
        f'"output" must be one of {", ".join(map(repr, outputs))}: {model.name!r} has {len(outputs)} output(s). '
        f"Received: {name!r}. Name the output, as in Logit(254, output={next(iter(outputs))!r}), or the layer that "
        "computes it."
    )


def outputs_by_name(model: keras.Model, prediction: Any) -> dict[str, tf.Tensor]:
    """A model's outputs by the names that `model_output` knows.

    Args:
        model: the model.
        prediction: the model's return value.

    Returns:
        Dictionary, name -> tensor.
    """
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
