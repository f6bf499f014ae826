"""Layers as users write them: a name, one of its calls, one of its outputs, or the logits behind it."""

import numbers
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from maco_tf.models.final_activation import pre_activation
from maco_tf.models.input_shape import declared_batch
from maco_tf.models.layers import find_layer, layer_paths
from maco_tf.models.tracing import record_outputs

# The output in a reference that stands for the values before a softmax or sigmoid.
LOGITS_BEHIND = "logits"


class Reference(NamedTuple):
    """A layer, and which of its values is meant.

    Attributes:
        operation: the layer or operation.
        call: the number of the call, for a layer that the model calls several times; `None` if it is left open.
        output: the number or the key of the output, for a layer that returns several; "logits" for the values before
            its softmax or sigmoid; `None` if it is left open.
    """

    operation: keras.Operation
    call: int | None = None
    output: str | None = None


def distinct(layers: Iterable[Any]) -> list[str | int]:
    """References without repeats, in their order.

    Raises:
        ValueError: one of them is a list, an array or another value that cannot be a reference.
    """
    layers = list(layers)
    for layer in layers:
        if not isinstance(layer, str | numbers.Integral | keras.Operation) or isinstance(layer, bool):
            raise ValueError(
                '"layer" must be the name, the path or the index of one layer. Received: '
                f"{layer!r} ({type(layer).__name__})."
            )
    return list(dict.fromkeys(layers))


def find_reference(model: keras.Model, reference: str | int) -> Reference:
    """Find the layer that a reference means.

    Args:
        model: the model.
        reference: see `find_layer`. "name#1" is the second call of a layer, "name:0" its first output, "name:logits"
            the values before its softmax or sigmoid, and "name#1:0" the first output of its second call.

    Returns:
        A `Reference`.

    Raises:
        ValueError: no layer matches, or several do.
    """
    name: Any = reference
    call = output = None
    if isinstance(reference, str) and reference not in layer_paths(model):
        name, separator, rest = reference.partition(":")
        output = rest if separator else None
        if "#" in name:
            name, _, suffix = name.rpartition("#")
            if not suffix.isdigit():
                raise ValueError(f'"layer" must have a call\'s number after "#". Received: {reference!r}.')
            call = int(suffix)
    return Reference(find_layer(model, name)[1], call, output)


def read_reference(
    model: keras.Model, reference: str | int, found: Reference, outputs: list[Any], image: tf.Tensor
) -> tf.Tensor:
    """The value that a reference means in a call of the model.

    Args:
        model: the model.
        reference: the reference, for errors.
        found: what `find_reference` returned for it.
        outputs: the outputs of the calls of its layer, as `record_outputs` yields them.
        image: the model's input.

    Returns:
        A tensor.

    Raises:
        ValueError: the layer is not called, or it is left open which call or output is meant.
    """
    if not outputs:
        if isinstance(found.operation, keras.layers.InputLayer):
            return _input(model, reference, found.operation, image)
        raise ValueError(
            f'"layer" must be a layer that the model calls on an image. Received: {reference!r}, which it does not '
            "call, or calls inside a tf.function. Remove that decorator if there is one."
        )
    name, _, rest = str(reference).partition(":")
    if found.call is None and len(outputs) > 1:
        end = f":{rest}" if rest else ""
        raise ValueError(
            f'"layer" must say which call is meant. Received: {reference!r}, which is called {len(outputs)} times. '
            f'Give "{name}#0{end}" to "{name}#{len(outputs) - 1}{end}".'
        )
    if found.call is not None and found.call >= len(outputs):
        raise ValueError(
            f'"layer" must name an existing call. Received: {reference!r}, which is called {len(outputs)} times: "#0" '
            f'to "#{len(outputs) - 1}".'
        )
    return _output(model, reference, found.output, dict(_leaves(outputs[found.call or 0], "")))


def traced_shapes(
    model: keras.Model, run: Callable[[tf.Tensor], object], image_shape: Sequence[int]
) -> dict[str, tuple[int | None, ...]]:
    """The shapes of all layers that are called once and return one tensor.

    Args:
        model: the model.
        run: calls the model on a tensor (batch, *image_shape), inside a `tf.function` that is being traced.
        image_shape: `(height, width, channels)` of the images.

    Returns:
        Dictionary, path -> tuple without the batch axis; unknown sizes are `None`.
    """
    paths = layer_paths(model)
    shapes: dict[str, tuple[int | None, ...]] = {}

    def trace(images: tf.Tensor) -> None:
        # One call of the model answers for all layers: a call for each of them takes minutes in a large network.
        with record_outputs(paths.values()) as outputs:
            run(images)
        for path, operation in paths.items():
            calls = outputs[id(operation)]
            leaves = dict(_leaves(calls[0], "")) if len(calls) == 1 else {}
            value: Any = next(iter(leaves.values())) if len(leaves) == 1 else None
            if isinstance(operation, keras.layers.InputLayer) and not calls and "/" not in path:
                value = images
            if tf.is_tensor(value) and value.shape.rank:
                shapes[path] = tuple(value.shape[1:])

    spec = tf.TensorSpec((declared_batch(model) or 1, *image_shape), tf.float32)
    tf.function(trace, autograph=False).get_concrete_function(spec)
    return shapes


def _output(model: keras.Model, reference: str | int, output: str | None, leaves: dict[str, tf.Tensor]) -> tf.Tensor:
    """One of the tensors that a layer returned."""
    single = next(iter(leaves.values())) if len(leaves) == 1 else None
    if output in leaves or (output is None and single is not None):
        return single if output is None else leaves[output]
    if output == LOGITS_BEHIND and single is not None:
        logits = pre_activation(single, model)
        if logits is single:
            raise ValueError(
                f'"layer" must be a layer of probabilities for ":logits". Received: {reference!r}, which is not made '
                'of a softmax or sigmoid, or has no logits. Leave ":logits" out.'
            )
        return logits
    base = str(reference).partition(":")[0]
    choices = ", ".join(f'"{base}:{name}"' for name in leaves) if single is None else f'"{base}"'
    raise ValueError(
        f'"layer" must have one output. Received: {reference!r}, a layer that returns {len(leaves)} tensor(s). Give '
        f"{choices}."
    )


def _input(model: keras.Model, reference: str | int, layer: keras.Operation, image: tf.Tensor) -> tf.Tensor:
    """The value of an input layer, which Keras does not call: the model's input."""
    if any(layer is child for path, child in layer_paths(model).items() if "/" not in path):
        return image
    raise ValueError(
        f'"layer" must be a layer that the model calls on an image. Received: {reference!r}, the input of a model '
        "inside it. Name the layer that this model is applied to."
    )


def _leaves(value: Any, path: str) -> Iterator[tuple[str, tf.Tensor]]:
    """`(number or key, tensor)` of everything that a layer returned; a path such as "0/hidden" if it is nested."""
    if isinstance(value, dict | list | tuple):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, f"{path}/{key}" if path else str(key))
    elif value is not None:
        yield path or "0", value
