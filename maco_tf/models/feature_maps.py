"""The last layer of a network that still knows where in the image things are."""

import tensorflow as tf

from maco_tf.models.activations import LOGITS
from maco_tf.models.layers import layer_paths
from maco_tf.models.recording import record_outputs


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
