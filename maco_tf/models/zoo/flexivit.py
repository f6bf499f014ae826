"""FlexiViT (Beyer et al., 2022, arXiv:2212.08013), the MACO paper's main network, from its published checkpoints.

The checkpoints are Google's `.npz` files, such as https://storage.googleapis.com/big_vision/flexivit/flexivit_b_i1k.npz.
What is computed follows the code they were trained with, big_vision's `models/proj/flexi/vit.py`.
"""

import math
import numbers

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from maco_tf.models.zoo.vision_transformer import VisionTransformer
from maco_tf.models.zoo.weight_files import WeightFileError, read_npz

# Where a file keeps the parameters: big_vision's training loop now, before 2022, and the parameters alone.
_PREFIXES = ("params/", "opt/target/", "")
_BLOCK = "Transformer/encoderblock_{}"
_ATTENTION = "MultiHeadDotProductAttention_0"
_MLP = "MlpBlock_0"


def flexivit(path, patch_size=16, *, image_size=240):
    """A trained FlexiViT at one of its patch sizes.

    Args:
        path: a checkpoint of big_vision's with a class token, `.npz`: FlexiViT, or a plain ViT of the same repository
            or of its predecessor ("AugReg"), whose older names are understood; of any number of classes.
        patch_size: side of a patch, pixels; the published networks were trained from 8 to 48. Smaller ones see more
            and cost more: there are `(image_size / patch_size)**2` patches.
        image_size: side of the input, pixels, a multiple of `patch_size`; the published ones were trained at 240.

    Returns:
        A `keras.Model` from images in [0, 1] of shape (batch, image_size, image_size, 3) to class probabilities.
        Blocks end in `block0_out` ..., of shape (batch, 1 + patches, width), the class token first; `norm` is the
        encoder's end and `pre_logits` its class token.

    Raises:
        ValueError: a size is not a whole number of at least 1, or they do not go into each other.
        WeightFileError: the file is no such checkpoint; the message says what is missing, or what has no place in one.
    """
    for name, value in (("patch_size", patch_size), ("image_size", image_size)):
        if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
            raise ValueError(f'"{name}" must be a number of pixels, at least 1. Received: {value!r}.')
    if image_size % patch_size:
        near = max(1, round(image_size / patch_size)) * patch_size
        raise ValueError(
            f'"image_size" must be a multiple of "patch_size". Received: {image_size} and {patch_size}, which leaves '
            f"{image_size % patch_size} pixels of no patch. Take image_size={near}."
        )
    state = _parameters(read_npz(path))
    try:
        state = _renamed(state)
        model = _build(state, int(patch_size), int(image_size))
        _assign(model, state, int(patch_size), int(image_size) // int(patch_size))
    except KeyError as error:
        raise WeightFileError(
            f"{path}: no checkpoint of a FlexiViT with a class token, since {error} is missing. Its names begin "
            f"{', '.join(sorted(state)[:3])}."
        ) from error
    except (ValueError, IndexError) as error:
        raise WeightFileError(f"{path}: the arrays' shapes do not fit a FlexiViT's: {error}") from error
    left = sorted(set(state) - _names(state))
    if left:
        # Such as a layer in front of the head, without which the classes would be others.
        raise WeightFileError(
            f"{path}: no checkpoint of a FlexiViT with a class token, which has no place for {', '.join(left[:3])}"
            f"{' ...' if left[3:] else ''}."
        )
    return model


def resize_patches(kernel, patch_size):
    """A patch embedding for patches of another size: PI-resize, the paper's section 3.4.

    Of all kernels, it is the one whose dot product with a resized patch is nearest to what the old kernel gives for
    the patch itself; the same wherever patches grow.

    Args:
        kernel: array (side, side, channels, width).
        patch_size: the new side, pixels.

    Returns:
        Array (patch_size, patch_size, channels, width), float32.
    """
    if kernel.shape[:2] == (patch_size, patch_size):
        return kernel
    # Bilinear resizing of the whole patch is this matrix on each axis, so its pseudo-inverse is too.
    matrix = np.linalg.pinv(_resizing(kernel.shape[0], patch_size, antialias=False).T)
    return np.einsum("yi,xj,ijcd->yxcd", matrix, matrix, kernel, optimize=True).astype("float32")


def resize_positions(positions, side):
    """Position embeddings on another grid: bilinear, antialiased where the grid shrinks.

    Args:
        positions: array (tokens, width) of a square grid, row by row.
        side: the new grid's.

    Returns:
        Array (side * side, width), float32.

    Raises:
        ValueError: the tokens are no square grid.
    """
    old = math.isqrt(len(positions))
    if old * old != len(positions):
        raise ValueError(f"{len(positions)} position embeddings are no square grid.")
    if old == side:
        return positions
    matrix = _resizing(old, side, antialias=True)
    grid = positions.reshape(old, old, -1)
    return np.einsum("yi,xj,ijc->yxc", matrix, matrix, grid, optimize=True).reshape(side * side, -1).astype("float32")


def _resizing(old, new, antialias):
    """Matrix (new, old), float64, of bilinear resizing along one axis."""
    identity = np.eye(old, dtype="float32")[..., None]
    return tf.image.resize(identity, (new, old), "bilinear", antialias=antialias).numpy()[..., 0].astype("float64")


def _parameters(arrays):
    """The parameters alone: what lies beside them, such as an optimizer's state, is left out."""
    prefix = next((prefix for prefix in _PREFIXES if f"{prefix}embedding/kernel" in arrays), "")
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _renamed(state):
    """Parameters with the names and the shapes that big_vision's `vit.fix_old_checkpoints` brings older ones to."""
    state = dict(state)
    for old in ("Transformer/posembed_input/pos_embedding", "Transformer/pos_embedding"):
        if old in state:
            state["pos_embedding"] = state.pop(old)
    positions = state["pos_embedding"]
    patches = positions.shape[1] - 1 if positions.ndim == 3 else 0
    if patches > 0 and math.isqrt(patches) ** 2 == patches:
        # The class token's own position is one more vector that is always added to it.
        state["cls"], state["pos_embedding"] = state["cls"] + positions[:, :1], positions[:, 1:]
    # A block's modules were numbered in a row, whatever their kind.
    numbering = {"MultiHeadDotProductAttention_1": _ATTENTION, "LayerNorm_2": "LayerNorm_1", "MlpBlock_3": _MLP}
    return {"/".join(numbering.get(part, part) for part in name.split("/")): array for name, array in state.items()}


def _names(state):
    """Every name that a checkpoint of this depth has."""
    parts = [f"{_ATTENTION}/{part}" for part in ("query", "key", "value", "out")]
    parts += [f"{_MLP}/Dense_0", f"{_MLP}/Dense_1"]
    names = {"cls", "pos_embedding"}
    names |= {f"{name}/{kind}" for name in ("embedding", "head") for kind in ("kernel", "bias")}
    norms = ["Transformer/encoder_norm"]
    for block in map(_BLOCK.format, range(_depth(state))):
        names |= {f"{block}/{part}/{kind}" for part in parts for kind in ("kernel", "bias")}
        norms += [f"{block}/LayerNorm_0", f"{block}/LayerNorm_1"]
    return names | {f"{norm}/{kind}" for norm in norms for kind in ("scale", "bias")}


def _depth(state):
    return sum(name.startswith("Transformer/") and name.endswith(f"{_ATTENTION}/query/kernel") for name in state)


def _build(state, patch_size, image_size):
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


def _assign(model, state, patch_size, side):
    def write(layer, *names):
        model.get_layer(layer).set_weights([state[name] for name in names])

    kernel = resize_patches(state["embedding/kernel"], patch_size)
    model.get_layer("patches").set_weights([kernel, state["embedding/bias"]])
    model.get_layer("position_embedding").set_weights([resize_positions(state["pos_embedding"][0], side)])
    write("class_token", "cls")
    for index in range(sum(layer.name.endswith("_attention") for layer in model.layers)):
        block, source = f"block{index}", _BLOCK.format(index)
        # Flax and Keras keep attention's kernels alike: (width, heads, size) and, on the way out, (heads, size, width).
        parts = [f"{source}/{_ATTENTION}/{part}" for part in ("query", "key", "value", "out")]
        write(f"{block}_attention", *(f"{part}/{kind}" for part in parts for kind in ("kernel", "bias")))
        for part in (0, 1):
            norm, dense = f"{source}/LayerNorm_{part}", f"{source}/{_MLP}/Dense_{part}"
            write(f"{block}_norm{part + 1}", f"{norm}/scale", f"{norm}/bias")
            write(f"{block}_dense{part + 1}", f"{dense}/kernel", f"{dense}/bias")
    write("norm", "Transformer/encoder_norm/scale", "Transformer/encoder_norm/bias")
    write("predictions", "head/kernel", "head/bias")
