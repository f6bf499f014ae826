"""A network cut at a layer: which layer, and what follows it."""

import contextlib

import keras
import tensorflow as tf

from maco_tf.models.activations import LOGITS
from maco_tf.models.layers import find_layer, layer_paths
from maco_tf.models.tracing import TRACING, record_outputs


def logits_behind(activations, layer, values):
    """What a model predicts where a layer returns given values, inside a `tf.function` that is being traced.

    The model runs on a blank image, and the layer's output is exchanged on the way, so that models of any kind can be
    split; what computes the exchanged output is not needed, and TensorFlow leaves it out.

    Args:
        activations: an `Activations`.
        layer: name, path or index of a layer that the model calls once.
        values: tensor (batch, ...), what the layer is to return.

    Returns:
        Logits, float32 tensor (batch, classes).

    Raises:
        ValueError: the prediction depends on the image in other ways than through the layer, or not on the layer.
    """
    _, operation = find_layer(activations.model, layer)
    images = tf.zeros((tf.shape(values)[0], *activations.input_shape))
    with _replaced_output(operation, values) as calls:
        logits = activations(images, [LOGITS])[LOGITS]
    around, through = tf.gradients(logits, [images, values])
    if len(calls) != 1 or around is not None or through is None:
        why = "a path goes around it" if around is not None else f"it is called {len(calls)} times before the output"
        raise ValueError(
            f'"layer" must split the model: all of the prediction must depend on it alone. Received: {layer!r}; {why}. '
            "Take a layer between blocks, such as the sum that ends one, not one inside."
        )
    return logits


@contextlib.contextmanager
def _replaced_output(operation, values):
    """Exchange what an operation returns for the calls made inside the block; see `record_outputs`."""
    calls = []
    with TRACING:
        call = keras.Operation.__call__

        def replacing(self, *args, **kwargs):
            result = call(self, *args, **kwargs)
            if self is not operation:
                return result
            calls.append(result)
            # A tensor of its own: what follows must depend on the values, not on what made them.
            return tf.identity(tf.cast(values, result.dtype))

        keras.Operation.__call__ = replacing
        try:
            yield calls
        finally:
            keras.Operation.__call__ = call


def last_feature_maps(activations, images, accepts):
    """The last layer of a classifier with maps, of more than one position, that satisfy a condition.

    Args:
        activations: an `Activations`.
        images: array (batch, height, width, channels) of the model's input size, float32 in [0, 1].
        accepts: tensor (batch, height, width, channels) -> boolean tensor ().

    Returns:
        The layer's path, the last in the order in which the model holds its layers; `None` where none has such maps.
    """
    paths = layer_paths(activations.model)
    found = []

    @tf.function(autograph=False)
    def verdicts(batch):
        # A layer may be called by several names; each is asked for once.
        with record_outputs(paths.values()) as outputs:
            activations(batch, [LOGITS])
        found.clear()
        answers = []
        for path, operation in paths.items():
            calls = outputs[id(operation)]
            maps = calls[0] if len(calls) == 1 else None
            if tf.is_tensor(maps) and maps.shape.rank == 4 and (maps.shape[1] or 2) * (maps.shape[2] or 2) > 1:
                found.append(path)
                answers.append(accepts(maps))
        return tf.stack(answers) if answers else tf.zeros((0,), tf.bool)

    batch = tf.constant(images)
    # Traced once for this call alone, which TensorFlow need not warn of.
    accepted = verdicts.get_concrete_function(batch)(batch).numpy()
    chosen = [path for path, answer in zip(found, accepted) if answer]
    return chosen[-1] if chosen else None
