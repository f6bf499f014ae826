"""From images to the activations of any Keras model, and a zoo of pretrained networks."""

from maco_tf.models import zoo
from maco_tf.models.activations import IMAGE, LOGITS, PROBABILITIES, Activations, logits_of
from maco_tf.models.layers import find_layer, layer_paths
from maco_tf.models.preprocessing import Preprocessing, as_preprocessing

__all__ = [
    "IMAGE",
    "LOGITS",
    "PROBABILITIES",
    "Activations",
    "Preprocessing",
    "as_preprocessing",
    "find_layer",
    "layer_paths",
    "logits_of",
    "zoo",
]
