"""Channel and Layer: one feature map, or all of a layer."""

import keras
import tensorflow as tf

from maco_tf.objectives.term import Term
from maco_tf.objectives.tokens import as_tokens, check_choice, choose_tokens, tokens_config, tokens_suffix
from maco_tf.objectives.units import as_units, check_units


@keras.saving.register_keras_serializable(package="maco_tf")
class Channel(Term):
    """The mean of a layer's channel over all positions; in a transformer, of a feature over all patches.

    Args:
        layer: name, path or index of the layer.
        channels: a channel (index into the last axis), or a list of them: a batch of objectives.
        tokens: of a transformer's layer, (tokens, width): "patch" (n² tokens, or all but the first of n² + 1),
            "class" (the first), "all", or a slice of the tokens.
        names: list of names for the results.
    """

    def __init__(self, layer, channels, *, tokens="patch", names=None):
        self.layer, self.tokens = layer, as_tokens(tokens)
        indices = as_units("channels", channels)
        super().__init__(
            {"index": indices}, names or [f"{layer}:{index}{tokens_suffix(self.tokens)}" for index in indices]
        )

    def structure(self):
        return (*super().structure(), tokens_config(self.tokens))

    def check(self, shape):
        check_units("channels", self.parameters["index"], shape[-1], f"the last axis of {self.layer!r}")
        check_choice(self.tokens, shape, self.layer)

    def score(self, activation, *, index):
        chosen = choose_tokens(activation, self.tokens)
        positions = tf.reshape(chosen, (activation.shape[0], -1, activation.shape[-1]))
        return tf.gather(tf.reduce_mean(positions, axis=1), index, batch_dims=1)

    def get_config(self):
        return {
            "layer": self.layer,
            "channels": self.parameters["index"].tolist(),
            "tokens": tokens_config(self.tokens),
            "names": self.names,
        }


@keras.saving.register_keras_serializable(package="maco_tf")
class Layer(Term):
    """The mean of a whole layer.

    Args:
        layer: name, path or index of the layer.
        reducer: "magnitude", the mean of the squares (DeepDream); or "mean".
        name: the result's name.
    """

    def __init__(self, layer, reducer="magnitude", *, name=None):
        if reducer not in ("magnitude", "mean"):
            raise ValueError(f'"reducer" must be "magnitude" or "mean". Received: {reducer!r}.')
        self.layer, self.reducer = layer, reducer
        super().__init__({}, [name or str(layer)])

    def structure(self):
        return (*super().structure(), self.reducer)

    def score(self, activation):
        values = tf.square(activation) if self.reducer == "magnitude" else activation
        return tf.reduce_mean(values, axis=list(range(1, len(activation.shape))))

    def get_config(self):
        return {"layer": self.layer, "reducer": self.reducer, "name": self.names[0]}
