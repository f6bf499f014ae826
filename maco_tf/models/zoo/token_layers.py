"""The layers of a vision transformer that Keras lacks."""

import keras


@keras.saving.register_keras_serializable(package="maco_tf")
class PositionEmbedding(keras.layers.Layer):
    """Adds a learned vector to every patch token: (batch, tokens, width) -> the same shape."""

    def build(self, input_shape):
        self.embedding = self.add_weight(shape=input_shape[1:], initializer="random_normal", name="embedding")

    def call(self, tokens):
        return tokens + self.embedding

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="maco_tf")
class ClassToken(keras.layers.Layer):
    """Puts a learned token in front: (batch, tokens, width) -> (batch, 1 + tokens, width)."""

    def build(self, input_shape):
        self.token = self.add_weight(shape=(1, 1, input_shape[-1]), initializer="zeros", name="token")

    def call(self, tokens):
        batch = keras.ops.shape(tokens)[0]
        token = keras.ops.cast(self.token, tokens.dtype)
        return keras.ops.concatenate([keras.ops.repeat(token, batch, axis=0), tokens], axis=1)

    def compute_output_shape(self, input_shape):
        batch, tokens, width = input_shape
        return batch, tokens + 1, width


@keras.saving.register_keras_serializable(package="maco_tf")
class LayerScale(keras.layers.Layer):
    """Multiplies every feature by a learned factor (Touvron et al., 2021, arXiv:2103.17239)."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=input_shape[-1:], initializer="ones", name="scale")

    def call(self, tokens):
        return tokens * self.scale

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="maco_tf")
def tanh_gelu(x):
    """GELU by its tanh approximation, which Flax takes where nothing is said."""
    return keras.ops.gelu(x, approximate=True)
