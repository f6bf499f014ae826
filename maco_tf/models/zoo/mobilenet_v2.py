"""MobileNetV2 (Sandler et al., 2018, arXiv:1801.04381) in Keras, from torchvision's published weights."""

import keras
from keras import layers

from maco_tf.models.zoo.inverted_residual import InvertedResiduals, assign_convolution

# (expansion, channels, repeats, first stride), the paper's table 2.
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
# ImageNet's mean and standard deviation, as torchvision normalises.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BLOCKS = InvertedResiduals(epsilon=1e-5, pads_like_torch=True)


def build():
    """Build the network, without weights.

    Returns:
        A `keras.Model` from images in [0, 1] of shape (batch, 224, 224, 3) to 1,000 probabilities. Blocks are
        named `block0` to `block16` in the order of `features.1` to `features.17` of torchvision.
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


def assign(model, state):
    """Write torchvision's tensors into the network of `build`.

    Args:
        model: the network.
        state: dictionary of arrays with torchvision's names.
    """
    assign_convolution(model, "stem", state, "features.0.0", "features.0.1")
    for index in range(17):
        source = f"features.{index + 1}.conv"
        if index == 0:  # The first block expands nothing, and torchvision leaves that convolution out.
            parts = (("depthwise", "0.0", "0.1"), ("project", "1", "2"))
        else:
            parts = (("expand", "0.0", "0.1"), ("depthwise", "1.0", "1.1"), ("project", "2", "3"))
        for part, kernel, norm in parts:
            assign_convolution(model, f"block{index}_{part}", state, f"{source}.{kernel}", f"{source}.{norm}")
    assign_convolution(model, "top", state, "features.18.0", "features.18.1")
    model.get_layer("predictions").set_weights([state["classifier.1.weight"].T, state["classifier.1.bias"]])
