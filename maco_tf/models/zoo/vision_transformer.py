"""The encoder of a vision transformer (Dosovitskiy et al., 2021, arXiv:2010.11929) and its layers of tokens.

ViT-S/14 and FlexiViT share it.
"""

import dataclasses
from typing import Any

import keras
from keras import layers

# Epsilon of layer normalisation, in DINOv2 as well as in big_vision.
_EPSILON = 1e-6


@keras.saving.register_keras_serializable(package="maco_tf")
class PositionEmbedding(keras.layers.Layer):
    """Adds a learned vector to every patch token; the shape (batch, tokens, width) does not change."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.embedding = self.add_weight(shape=input_shape[1:], initializer="random_normal", name="embedding")

    def call(self, tokens: Any) -> Any:
        return tokens + self.embedding

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


@keras.saving.register_keras_serializable(package="maco_tf")
class ClassToken(keras.layers.Layer):
    """Puts a learned token in front of the patch tokens: (batch, tokens, width) -> (batch, 1 + tokens, width)."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.token = self.add_weight(shape=(1, 1, input_shape[-1]), initializer="zeros", name="token")

    def call(self, tokens: Any) -> Any:
        batch = keras.ops.shape(tokens)[0]
        token = keras.ops.cast(self.token, tokens.dtype)
        return keras.ops.concatenate([keras.ops.repeat(token, batch, axis=0), tokens], axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, int, int]) -> tuple[int | None, int, int]:
        batch, tokens, width = input_shape
        return batch, tokens + 1, width


@keras.saving.register_keras_serializable(package="maco_tf")
class LayerScale(keras.layers.Layer):
    """Multiplies every feature by a learned factor (Touvron et al., 2021, arXiv:2103.17239)."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.scale = self.add_weight(shape=input_shape[-1:], initializer="ones", name="scale")

    def call(self, tokens: Any) -> Any:
        return tokens * self.scale

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


@keras.saving.register_keras_serializable(package="maco_tf")
def tanh_gelu(x: Any) -> Any:
    """GELU in its tanh approximation, Flax's default."""
    return keras.ops.gelu(x, approximate=True)


@dataclasses.dataclass(frozen=True)
class VisionTransformer:
    """An encoder from images to tokens.

    Attributes:
        width: number of features of a token.
        depth: number of blocks.
        heads: number of attention heads in a block.
        hidden: number of features inside the perceptron of a block.
        patch_size: side of a patch, pixels.
        layer_scale: whether the two branches of a block end in a `LayerScale`, as in DINOv2.
        exact_gelu: whether GELU uses the error function or its tanh approximation.
    """

    width: int
    depth: int
    heads: int
    hidden: int
    patch_size: int
    layer_scale: bool
    exact_gelu: bool

    def encode(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Encode images as tokens.

        Args:
            x: symbolic tensor (batch, height, width, 3), normalised for the network.

        Returns:
            Symbolic tensor (batch, 1 + patches, width), the output of the layer `norm`: the class token, then the
            patches row by row. Block i ends in `block{i}_out`; its attention, before the sum, is `block{i}_attention`.
        """
        # Pixels at the right and bottom that do not fill a patch are dropped.
        x = layers.Conv2D(self.width, self.patch_size, self.patch_size, name="patches")(x)
        x = layers.Reshape((-1, self.width), name="tokens")(x)
        x = PositionEmbedding(name="position_embedding")(x)
        x = ClassToken(name="class_token")(x)
        for index in range(self.depth):
            x = self._block(x, f"block{index}")
        return layers.LayerNormalization(epsilon=_EPSILON, name="norm")(x)

    def _block(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        y = layers.LayerNormalization(epsilon=_EPSILON, name=f"{name}_norm1")(x)
        y = layers.MultiHeadAttention(self.heads, self.width // self.heads, name=f"{name}_attention")(y, y)
        x = layers.Add(name=f"{name}_middle")([x, self._scaled(y, f"{name}_scale1")])
        y = layers.LayerNormalization(epsilon=_EPSILON, name=f"{name}_norm2")(x)
        y = layers.Dense(self.hidden, name=f"{name}_dense1")(y)
        y = layers.Activation("gelu" if self.exact_gelu else tanh_gelu, name=f"{name}_gelu")(y)
        y = layers.Dense(self.width, name=f"{name}_dense2")(y)
        return layers.Add(name=f"{name}_out")([x, self._scaled(y, f"{name}_scale2")])

    def _scaled(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        return LayerScale(name=name)(x) if self.layer_scale else x
