"""Inverted residual blocks (Sandler et al., 2018), shared by MobileNetV2 and EfficientNet-Lite."""

import dataclasses

from keras import layers


@dataclasses.dataclass(frozen=True)
class InvertedResiduals:
    """The two families' details.

    Attributes:
        epsilon: batch normalisation's.
        pads_like_torch: pad both sides alike. TensorFlow's "same" does not when the stride is two.
    """

    epsilon: float
    pads_like_torch: bool

    def convolution(self, x, filters, kernel, strides=1, activate=True, *, name):
        """Convolution, batch normalisation and, unless told otherwise, ReLU6."""
        x, padding = self._pad(x, kernel, name)
        x = layers.Conv2D(filters, kernel, strides, padding=padding, use_bias=False, name=f"{name}_conv")(x)
        return self._normalise(x, activate, name)

    def depthwise(self, x, kernel, strides, *, name):
        """Depthwise convolution, batch normalisation and ReLU6."""
        x, padding = self._pad(x, kernel, name)
        x = layers.DepthwiseConv2D(kernel, strides, padding=padding, use_bias=False, name=f"{name}_conv")(x)
        return self._normalise(x, True, name)

    def block(self, inputs, expansion, filters, kernel, strides, *, name):
        """Expand, depthwise, project; the input is added where the shapes agree."""
        x = inputs
        if expansion != 1:
            x = self.convolution(x, inputs.shape[-1] * expansion, 1, name=f"{name}_expand")
        x = self.depthwise(x, kernel, strides, name=f"{name}_depthwise")
        x = self.convolution(x, filters, 1, activate=False, name=f"{name}_project")
        if strides == 1 and inputs.shape[-1] == filters:
            x = layers.Add(name=f"{name}_add")([x, inputs])
        return x

    def _pad(self, x, kernel, name):
        if not self.pads_like_torch:
            return x, "same"
        return (layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x) if kernel > 1 else x), "valid"

    def _normalise(self, x, activate, name):
        x = layers.BatchNormalization(epsilon=self.epsilon, name=f"{name}_bn")(x)
        return layers.ReLU(max_value=6.0, name=f"{name}_activation")(x) if activate else x


def assign_convolution(model, name, state, kernel, norm):
    """Write one convolution and its normalisation.

    Args:
        model: the Keras network.
        name: the pair's name there, without `_conv` and `_bn`.
        state: dictionary of arrays with torch's names.
        kernel: the convolution's name in `state`.
        norm: the normalisation's name in `state`.
    """
    layer = model.get_layer(f"{name}_conv")
    # torch keeps (out, in, height, width), or (channels, 1, height, width) where depthwise.
    axes = (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0)
    layer.set_weights([state[f"{kernel}.weight"].transpose(axes)])
    parts = ("weight", "bias", "running_mean", "running_var")
    model.get_layer(f"{name}_bn").set_weights([state[f"{norm}.{part}"] for part in parts])
