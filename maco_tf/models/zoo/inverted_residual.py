"""Inverted residual blocks (Sandler et al., 2018), shared by MobileNetV2 and EfficientNet-Lite."""

import dataclasses
from collections.abc import Mapping

import keras
import numpy as np
from keras import layers


@dataclasses.dataclass(frozen=True)
class InvertedResiduals:
    """Builds the layers of a network of inverted residual blocks.

    Attributes:
        epsilon: the epsilon of batch normalisation.
        pads_like_torch: whether to pad both sides equally, as PyTorch does. TensorFlow's "same" pads them unequally if
            the stride is two.
    """

    epsilon: float
    pads_like_torch: bool

    def convolution(
        self, x: keras.KerasTensor, filters: int, kernel: int, strides: int = 1, activate: bool = True, *, name: str
    ) -> keras.KerasTensor:
        """Convolution, batch normalisation and, if `activate`, ReLU6."""
        x, padding = self._pad(x, kernel, name)
        x = layers.Conv2D(filters, kernel, strides, padding=padding, use_bias=False, name=f"{name}_conv")(x)
        return self._normalise(x, activate, name)

    def depthwise(self, x: keras.KerasTensor, kernel: int, strides: int, *, name: str) -> keras.KerasTensor:
        """Depthwise convolution, batch normalisation and ReLU6."""
        x, padding = self._pad(x, kernel, name)
        x = layers.DepthwiseConv2D(kernel, strides, padding=padding, use_bias=False, name=f"{name}_conv")(x)
        return self._normalise(x, True, name)

    def block(
        self, inputs: keras.KerasTensor, expansion: int, filters: int, kernel: int, strides: int, *, name: str
    ) -> keras.KerasTensor:
        """An inverted residual block: expansion, depthwise convolution, projection.

        The input is added if the shapes agree; an expansion of 1 is left out.
        """
        x = inputs
        if expansion != 1:
            x = self.convolution(x, inputs.shape[-1] * expansion, 1, name=f"{name}_expand")
        x = self.depthwise(x, kernel, strides, name=f"{name}_depthwise")
        x = self.convolution(x, filters, 1, activate=False, name=f"{name}_project")
        if strides == 1 and inputs.shape[-1] == filters:
            x = layers.Add(name=f"{name}_add")([x, inputs])
        return x

    def _pad(self, x: keras.KerasTensor, kernel: int, name: str) -> tuple[keras.KerasTensor, str]:
        """The padded input of a convolution, and the convolution's own padding."""
        if not self.pads_like_torch:
            return x, "same"
        return (layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x) if kernel > 1 else x), "valid"

    def _normalise(self, x: keras.KerasTensor, activate: bool, name: str) -> keras.KerasTensor:
        x = layers.BatchNormalization(epsilon=self.epsilon, name=f"{name}_bn")(x)
        return layers.ReLU(max_value=6.0, name=f"{name}_activation")(x) if activate else x


def assign_convolution(model: keras.Model, name: str, state: Mapping[str, np.ndarray], kernel: str, norm: str) -> None:
    """Write the weights of a convolution and of its batch normalisation.

    Args:
        model: the network.
        name: the name that both layers share, without "_conv" and "_bn".
        state: dictionary of arrays under PyTorch's names.
        kernel: name of the convolution in `state`.
        norm: name of the normalisation in `state`.
    """
    layer = model.get_layer(f"{name}_conv")
    # PyTorch's kernels are (outputs, inputs, height, width), and (channels, 1, height, width) if depthwise.
    axes = (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0)
    layer.set_weights([state[f"{kernel}.weight"].transpose(axes)])
    parts = ("weight", "bias", "running_mean", "running_var")
    model.get_layer(f"{name}_bn").set_weights([state[f"{norm}.{part}"] for part in parts])
