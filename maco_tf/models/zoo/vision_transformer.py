"""The encoder of a vision transformer (Dosovitskiy et al., 2021, arXiv:2010.11929), shared by ViT-S/14 and FlexiViT."""

import dataclasses

import keras
from keras import layers


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


# Both families'.
_EPSILON = 1e-6


@dataclasses.dataclass(frozen=True)
class VisionTransformer:
    """One encoder's details.

    Attributes:
        width: features of a token.
        depth: number of blocks.
        heads: attention heads of a block.
        hidden: features inside a block's perceptron.
        patch_size: side of a patch, pixels.
        layer_scale: whether each branch ends in a `LayerScale`, as DINOv2's do.
        exact_gelu: GELU by the error function, or by its tanh approximation.
    """

    width: int
    depth: int
    heads: int
    hidden: int
    patch_size: int
    layer_scale: bool
    exact_gelu: bool

    def encode(self, x):
        """Images to tokens.

        Args:
            x: symbolic tensor (batch, height, width, 3), normalised as the network asks.

        Returns:
            Symbolic tensor (batch, 1 + patches, width): the class token, then the patches row by row. Its layer is
            `norm`; block i ends in `block{i}_out`, and its attention, before the sum, is `block{i}_attention`.
        """
        # What does not fill a patch at the right and bottom is left out.
        x = layers.Conv2D(self.width, self.patch_size, self.patch_size, name="patches")(x)
        x = layers.Reshape((-1, self.width), name="tokens")(x)
        x = PositionEmbedding(name="position_embedding")(x)
        x = ClassToken(name="class_token")(x)
        for index in range(self.depth):
            x = self._block(x, f"block{index}")
        return layers.LayerNormalization(epsilon=_EPSILON, name="norm")(x)

    def _block(self, x, name):
        y = layers.LayerNormalization(epsilon=_EPSILON, name=f"{name}_norm1")(x)
        y = layers.MultiHeadAttention(self.heads, self.width // self.heads, name=f"{name}_attention")(y, y)
        x = layers.Add(name=f"{name}_middle")([x, self._scaled(y, f"{name}_scale1")])
        y = layers.LayerNormalization(epsilon=_EPSILON, name=f"{name}_norm2")(x)
        y = layers.Dense(self.hidden, name=f"{name}_dense1")(y)
        y = layers.Activation("gelu" if self.exact_gelu else tanh_gelu, name=f"{name}_gelu")(y)
        y = layers.Dense(self.width, name=f"{name}_dense2")(y)
        return layers.Add(name=f"{name}_out")([x, self._scaled(y, f"{name}_scale2")])

    def _scaled(self, x, name):
        return LayerScale(name=name)(x) if self.layer_scale else x
