"""Split a network at a layer: choose the layer, and compute the logits from its output."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.models.activations import LOGITS, Activations
from maco_tf.models.layers import layer_paths
from maco_tf.models.references import LOGITS_BEHIND, Reference, find_reference, read_reference
from maco_tf.models.tracing import exchanged, in_this_thread, record_outputs


def last_feature_maps(
    activations: Activations, images: np.ndarray, accepts: Callable[[tf.Tensor], tf.Tensor]
) -> str | None:
    """Find the last layer of a classifier whose output is feature maps that satisfy a condition.

    Args:
        activations: the classifier.
        images: array (batch, height, width, channels) of the model's input size, float32 in [0, 1].
        accepts: maps a tensor (batch, height, width, channels), whose maps have more than one position, to a boolean
            scalar tensor.

    Returns:
        The layer's path, the last in the order in which the model holds its layers; `None` if no layer qualifies.
    """
    paths = layer_paths(activations.model)
    found: list[str] = []

    @tf.function(autograph=False)
    def verdicts(batch: tf.Tensor) -> tf.Tensor:
        # One pass over the model answers for all layers; a layer may have several paths.
        with record_outputs(paths.values()) as outputs:
            activations(batch, [LOGITS])
        found.clear()
        answers = []
        for path, operation in paths.items():
            calls = outputs[id(operation)]
            maps: Any = calls[0] if len(calls) == 1 else None
            if tf.is_tensor(maps) and maps.shape.rank == 4 and (maps.shape[1] or 2) * (maps.shape[2] or 2) > 1:
                found.append(path)
                answers.append(accepts(maps))
        return tf.stack(answers) if answers else tf.zeros((0,), tf.bool)

    batch = tf.constant(images)
    # A concrete function, since TensorFlow warns of tf.functions that are traced again and again for a single call.
    accepted = verdicts.get_concrete_function(batch)(batch).numpy()
    chosen = [path for path, answer in zip(found, accepted) if answer]
    return chosen[-1] if chosen else None


def logits_behind(activations: Activations, layer: str | int, values: tf.Tensor) -> tf.Tensor:
    """Logits of a model in which a layer returns the given values, inside a `tf.function` that is being traced.

    The model runs on a blank image and the layer's output is replaced on the way, so models of any kind can be split.
    Nothing then depends on the operations before the layer, and TensorFlow removes them from the graph.

    Args:
        activations: the model.
        layer: a reference, see `find_reference`; "name#1" replaces the output of the second call only, and "name:0" the
            first of several outputs.
        values: tensor (batch, ...) that replaces the output.

    Returns:
        Logits, float32 tensor (batch, classes).

    Raises:
        ValueError: the prediction does not depend on the layer, or depends on the image in other ways too; or it is
            left open which call or output is meant.
    """
    model = activations.model
    found = find_reference(model, layer)
    if found.output == LOGITS_BEHIND:
        raise ValueError(
            f'"layer" must be the output of a layer. Received: {layer!r}, the values behind it. Name the layer before '
            "the softmax or sigmoid."
        )
    images = tf.zeros((tf.shape(values)[0], *activations.input_shape))

    def chosen(result: Any) -> tf.Tensor:
        return read_reference(model, layer, Reference(found.operation, None, found.output), [result], images)

    with _replaced_output(found, chosen, values) as calls:
        logits = activations(images, [LOGITS])[LOGITS]
    read_reference(model, layer, found, calls, images)  # Refuses a call that is left open or does not exist.
    around, through = tf.gradients(logits, [images, values])
    if around is not None:
        why = "around which a path leads"
    elif through is None:
        why = "on which the prediction does not depend"
    else:
        return logits
    raise ValueError(
        f'"layer" must split the model: the prediction must depend on the image only through this layer. Received: '
        f"{layer!r}, {why}. Take a layer between blocks, such as the sum that ends one, not a layer inside a block."
    )


@contextlib.contextmanager
def _replaced_output(found: Reference, chosen: Callable[[Any], tf.Tensor], values: tf.Tensor) -> Iterator[list[Any]]:
    """Replace an output of an operation in the calls made inside the block; yields what the calls returned.

    Args:
        found: the operation, and the number of the call; `None` means all calls.
        chosen: returns the tensor to be replaced in what a call returned.
        values: the tensor that replaces it.
    """
    calls: list[Any] = []

    def replacing(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(self: keras.Operation, *args: Any, **kwargs: Any) -> Any:
            result = call(self, *args, **kwargs)
            if self is not found.operation:
                return result
            calls.append(result)
            if found.call not in (None, len(calls) - 1):
                return result
            old = chosen(result)
            # The identity hides the operation that computed `values`; a normalisation folded into it would bypass them.
            new = tf.identity(tf.cast(values, old.dtype))
            return tf.nest.map_structure(lambda item: new if item is old else item, result)

        return in_this_thread(call, wrapper)

    with exchanged([(keras.Operation, "__call__", replacing)]):
        yield calls
