"""FlexiViT (Beyer et al., 2022, arXiv:2212.08013), the main network of the MACO paper, from a published checkpoint.

The checkpoints are Google's `.npz` files, such as https://storage.googleapis.com/big_vision/flexivit/flexivit_b_i1k.npz.
The computation follows the training code, `models/proj/flexi/vit.py` in big_vision.
"""

import math
import os
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from maco_tf.checks import check_integer
from maco_tf.models.zoo.vision_transformer import VisionTransformer
from maco_tf.models.zoo.weight_files import WeightFileError, read_npz

# Prefix of the parameters' names: in files of big_vision's training loop, the same before 2022, in files of parameters.
_PREFIXES = ("params/", "opt/target/", "")
_BLOCK = "Transformer/encoderblock_{}"
_ATTENTION = "MultiHeadDotProductAttention_0"
_MLP = "MlpBlock_0"


def flexivit(path: str | os.PathLike[str], patch_size: int = 16, *, image_size: int = 240) -> keras.Model:
    """Load a pretrained FlexiViT with one of its patch sizes.

    Args:
        path: a checkpoint of big_vision with a class token, an `.npz` file with any number of classes: a FlexiViT, or
            a plain ViT of big_vision or of its predecessor "AugReg", whose older names are understood.
        patch_size: side of a patch, pixels. The published networks were trained with sizes from 8 to 48. Smaller
            patches show finer detail and cost more: there are `(image_size / patch_size)**2` patches.
        image_size: side of the input, pixels, a multiple of `patch_size`. The published networks were trained at 240.

    Returns:
        A `keras.Model` from images in [0, 1] of shape (batch, image_size, image_size, 3) to class probabilities. Blocks
        end in `block0_out`, `block1_out`, ... of shape (batch, 1 + patches, width), the class token first. `norm` is
        the end of the encoder and `pre_logits` its class token.

    Raises:
        ValueError: a size is not an integer of at least 1, or `image_size` is not a multiple of `patch_size`.
        WeightFileError: the file is not such a checkpoint; the message names the missing or unexpected arrays.
    """
    patch_size, image_size = check_integer("patch_size", patch_size, 1), check_integer("image_size", image_size, 1)
    if image_size % patch_size:
        near = max(1, round(image_size / patch_size)) * patch_size
        raise ValueError(
            f'"image_size" must be a multiple of "patch_size". Received: {image_size} and {patch_size}, which leaves '
            f"{image_size % patch_size} pixels over. Take image_size={near}."
        )
    state = _parameters(read_npz(path))
    try:
        state = _renamed(state)
        model = _build(state, patch_size, image_size)
        _assign(model, state, patch_size, image_size // patch_size)
    except KeyError as error:
        raise WeightFileError(
            f"{path} is not a checkpoint of a FlexiViT with a class token: {error} is missing. Its first arrays are "
            f"{', '.join(sorted(state)[:3])}."
        ) from error
    except (ValueError, IndexError) as error:
        raise WeightFileError(f"{path}: the shapes of the arrays do not fit a FlexiViT: {error}") from error
    left = sorted(set(state) - _names(state))
    if left:
        # For example a layer in front of the head: without it, the network would compute other probabilities.
        raise WeightFileError(
            f"{path} is not a checkpoint of a FlexiViT with a class token, which does not contain {', '.join(left[:3])}"
            f"{' ...' if left[3:] else ''}."
        )
    return model


def resize_patches(kernel: np.ndarray, patch_size: int) -> np.ndarray:
    """Resize a patch embedding to patches of another size (PI-resize, section 3.4 of the paper).

    Of all kernels of the new size, the result is the one whose dot product with a resized patch is nearest to the dot
    product of the old kernel with the patch itself. The two are equal if patches grow.

    Args:
        kernel: array (side, side, channels, width).
        patch_size: new side of a patch, pixels.

    Returns:
        Array (patch_size, patch_size, channels, width), float32.
    """
    if kernel.shape[:2] == (patch_size, patch_size):
        return kernel
    # Bilinear resizing is separable: one matrix acts on both axes of a patch, and so does its pseudo-inverse.
    matrix = np.linalg.pinv(_resizing(kernel.shape[0], patch_size, antialias=False).T)
    return np.einsum("yi,xj,ijcd->yxcd", matrix, matrix, kernel, optimize=True).astype("float32")


def resize_positions(positions: np.ndarray, side: int) -> np.ndarray:
    """Resize position embeddings to another grid: bilinear, and antialiased if the grid shrinks.

    Args:
        positions: array (tokens, width) of a square grid, row by row.
        side: side of the new grid, tokens.

    Returns:
        Array (side * side, width), float32.

    Raises:
        ValueError: the tokens do not form a square grid.
    """
    old = math.isqrt(len(positions))
    if old * old != len(positions):
        raise ValueError(f"{len(positions)} position embeddings do not form a square grid.")
    if old == side:
        return positions
    matrix = _resizing(old, side, antialias=True)
    grid = positions.reshape(old, old, -1)
    return np.einsum("yi,xj,ijc->yxc", matrix, matrix, grid, optimize=True).reshape(side * side, -1).astype("float32")


def _resizing(old: int, new: int, antialias: bool) -> np.ndarray:
    """Matrix (new, old), float64, of bilinear resizing along one axis."""
    identity = np.eye(old, dtype="float32")[..., None]
    return tf.image.resize(identity, (new, old), "bilinear", antialias=antialias).numpy()[..., 0].astype("float64")


def _parameters(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The network's parameters, without other arrays of the file such as the state of an optimizer."""
    prefix = next((prefix for prefix in _PREFIXES if f"{prefix}embedding/kernel" in arrays), "")
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _renamed(parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Parameters of older checkpoints under today's names, as in `vit.fix_old_checkpoints` of big_vision."""
    state = dict(parameters)
    for old in ("Transformer/posembed_input/pos_embedding", "Transformer/pos_embedding"):
        if old in state:
            state["pos_embedding"] = state.pop(old)
    positions = state["pos_embedding"]
    patches = positions.shape[1] - 1 if positions.ndim == 3 else 0
    if patches > 0 and math.isqrt(patches) ** 2 == patches:
        # An older checkpoint has a position for the class token too, which is always added to the token.
        state["cls"], state["pos_embedding"] = state["cls"] + positions[:, :1], positions[:, 1:]
    # The modules of a block used to be numbered consecutively, whatever their kind.
    numbering = {"MultiHeadDotProductAttention_1": _ATTENTION, "LayerNorm_2": "LayerNorm_1", "MlpBlock_3": _MLP}
    return {"/".join(numbering.get(part, part) for part in name.split("/")): array for name, array in state.items()}


def _names(state: Mapping[str, np.ndarray]) -> set[str]:
    """All names in a checkpoint of this depth."""
    parts = [f"{_ATTENTION}/{part}" for part in ("query", "key", "value", "out")]
    parts += [f"{_MLP}/Dense_0", f"{_MLP}/Dense_1"]
    names = {"cls", "pos_embedding"}
    names |= {f"{name}/{kind}" for name in ("embedding", "head") for kind in ("kernel", "bias")}
    norms = ["Transformer/encoder_norm"]
    for block in map(_BLOCK.format, range(_depth(state))):
        names |= {f"{block}/{part}/{kind}" for part in parts for kind in ("kernel", "bias")}
        norms += [f"{block}/LayerNorm_0", f"{block}/LayerNorm_1"]
    return names | {f"{norm}/{kind}" for norm in norms for kind in ("scale", "bias")}


def _depth(state: Mapping[str, np.ndarray]) -> int:
    """Number of blocks."""
    return sum(name.startswith("Transformer/") and name.endswith(f"{_ATTENTION}/query/kernel") for name in state)


def _build(state: Mapping[str, np.ndarray], patch_size: int, image_size: int) -> keras.Model:
    kernel = state[f"{_BLOCK.format(0)}/{_ATTENTION}/query/kernel"]
    width, heads, _ = kernel.shape
    encoder = VisionTransformer(
        width=width,
        depth=_depth(state),
        heads=heads,
        hidden=state[f"{_BLOCK.format(0)}/{_MLP}/Dense_0/bias"].size,
        patch_size=patch_size,
        layer_scale=False,
        exact_gelu=False,
    )
    inputs = keras.Input((image_size, image_size, 3), name="image")
    x = layers.Rescaling(2.0, offset=-1.0, name="rescaling")(inputs)
    x = encoder.encode(x)
    x = layers.Cropping1D((0, x.shape[1] - 1), name="only_class_token")(x)
    x = layers.Flatten(name="pre_logits")(x)
    outputs = layers.Dense(state["head/bias"].size, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=f"flexivit_{patch_size}")


def _assign(model: keras.Model, state: Mapping[str, np.ndarray], patch_size: int, side: int) -> None:
    def write(layer: str, *names: str) -> None:
        model.get_layer(layer).set_weights([state[name] for name in names])

    kernel = resize_patches(state["embedding/kernel"], patch_size)
    model.get_layer("patches").set_weights([kernel, state["embedding/bias"]])
    model.get_layer("position_embedding").set_weights([resize_positions(state["pos_embedding"][0], side)])
    write("class_token", "cls")
    for index in range(sum(layer.name.endswith("_attention") for layer in model.layers)):
        block, source = f"block{index}", _BLOCK.format(index)
        # Flax and Keras shape attention's kernels alike: (width, heads, size), and (heads, size, width) for the output.
        parts = [f"{source}/{_ATTENTION}/{part}" for part in ("query", "key", "value", "out")]
        write(f"{block}_attention", *(f"{part}/{kind}" for part in parts for kind in ("kernel", "bias")))
        for part in (0, 1):
            norm, dense = f"{source}/LayerNorm_{part}", f"{source}/{_MLP}/Dense_{part}"
            write(f"{block}_norm{part + 1}", f"{norm}/scale", f"{norm}/bias")
            write(f"{block}_dense{part + 1}", f"{dense}/kernel", f"{dense}/bias")
    write("norm", "Transformer/encoder_norm/scale", "Transformer/encoder_norm/bias")
    write("predictions", "head/kernel", "head/bias")
