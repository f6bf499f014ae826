"""Channel: a feature map anywhere in a network."""

import keras
import tensorflow as tf

from maco_tf.objectives.objective import Term
from maco_tf.objectives.units import as_units, check_units


@keras.saving.register_keras_serializable(package="maco_tf")
class Channel(Term):
    """The mean of a layer's channel over all positions.

    Args:
        layer: name, path or index of the layer.
        channels: a channel (index into the last axis), or a list of them: a batch of objectives.
        names: list of names for the results.
    """

    def __init__(self, layer, channels, *, names=None):
        self.layer = layer
        indices = as_units("channels", channels)
        super().__init__({"index": indices}, names or [f"{layer}:{index}" for index in indices])

    def check(self, shape):
        check_units("channels", self.parameters["index"], shape[-1], f"the last axis of {self.layer!r}")

    def score(self, activation, *, index):
        positions = tf.reshape(activation, (activation.shape[0], -1, activation.shape[-1]))
        return tf.gather(tf.reduce_mean(positions, axis=1), index, batch_dims=1)

    def get_config(self):
        return {"layer": self.layer, "channels": self.parameters["index"].tolist(), "names": self.names}
