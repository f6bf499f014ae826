"""Layer: all of a layer at once, as in DeepDream."""

import keras
import tensorflow as tf

from maco_tf.objectives.objective import Term


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
