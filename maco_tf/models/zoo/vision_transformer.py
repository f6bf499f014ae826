"""The encoder of a vision transformer (Dosovitskiy et al., 2021, arXiv:2010.11929), shared by ViT-S/14 and FlexiViT."""

import dataclasses

from keras import layers

from maco_tf.models.zoo.token_layers import ClassToken, LayerScale, PositionEmbedding, tanh_gelu

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
