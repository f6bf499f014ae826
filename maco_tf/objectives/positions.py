"""Positions in the map of a layer: its centre, (y, x), and a window around either."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from maco_tf.objectives.tokens import choose_tokens, class_tokens
from maco_tf.objectives.units import as_units, plain

CENTRE = "centre"

#: The centre, one position (y, x), or a batch of positions.
Positions = str | tuple[int, int] | Sequence[tuple[int, int]] | np.ndarray


def as_positions(name: str, positions: Any, words: Sequence[str] = (CENTRE,)) -> np.ndarray | None:
    """Read the centre, a position, or a batch of positions, before any layer is known.

    Args:
        name: the argument's name, for the error.
        positions: "centre", `(y, x)`, or a sequence of such pairs; also as an array or tensor.
        words: the words that the argument may be, for the error.

    Returns:
        Array (batch, 2), int32; `None` for the centre.

    Raises:
        ValueError: the value is something else, or a coordinate is negative.
    """
    if isinstance(positions, str) and positions == CENTRE:
        return None
    pairs = plain(positions)
    try:
        if isinstance(pairs, list | tuple) and pairs and not isinstance(pairs[0], list | tuple):
            pairs = [pairs]
        array = np.stack([as_units(name, pair) for pair in pairs])
    except (TypeError, ValueError):
        array = np.zeros((0, 0), "int32")
    if array.shape[1:] != (2,):
        raise ValueError(
            f'"{name}" must be {", ".join(map(repr, words))}, a position (y, x), or a list of positions, with integers '
            f"of at least 0. Received: {positions!r}."
        )
    return array


def patch_side(count: int) -> int:
    """Side of the square grid of patches in a layer with `count` tokens."""
    return math.isqrt(count - (class_tokens(count) or 0))


def map_size(name: str, shape: tuple[int | None, ...], layer: str | int) -> tuple[int | None, int | None]:
    """The size of a layer's map.

    Args:
        name: the argument that needs a map, for the error.
        shape: the layer's shape without the batch axis.
        layer: the layer's reference, for the error.

    Returns:
        `(height, width)`; an unknown size is `None`. In a transformer's layer, (tokens, width), it is the size of the
        grid of patches.

    Raises:
        ValueError: the layer has no map, or its tokens are not a square grid of patches.
    """
    if len(shape) == 3:
        return shape[0], shape[1]
    wanted = f'"{name}" must be a layer' if name == "layer" else f'"{name}" must belong to a layer'
    if len(shape) != 2:
        raise ValueError(
            f"{wanted} with a map, of shape (height, width, channels) or (tokens, width). Received: {layer!r}, of "
            f"shape {shape}."
        )
    if shape[0] is None or class_tokens(shape[0]) is None:
        known = "an unknown number of" if shape[0] is None else shape[0]
        raise ValueError(
            f"{wanted} with a map. Received: {layer!r}, of shape {shape}. It has {known} tokens, neither a square grid "
            "of patches nor a class token and a square grid, so their positions are unknown."
        )
    return patch_side(shape[0]), patch_side(shape[0])


def as_map(activation: tf.Tensor) -> tf.Tensor:
    """An activation as a map.

    Args:
        activation: tensor (views, height, width, channels), or (views, tokens, width) with a layout of tokens that
            `map_size` accepts.

    Returns:
        Tensor (views, height, width, channels).
    """
    if len(activation.shape) != 3:
        return activation
    patches = choose_tokens(activation, "patch")
    side = patch_side(activation.shape[1])
    return tf.reshape(patches, (activation.shape[0], side, side, activation.shape[2]))


def check_window(
    positions: np.ndarray | None, window: tuple[int, int], size: tuple[int | None, int | None], layer: str | int
) -> None:
    """Check that the windows around some positions lie inside a map.

    Args:
        positions: array (batch, 2), or `None` for the centre.
        window: `(height, width)`.
        size: `(height, width)` of the map; an unknown size is not checked.
        layer: the layer's reference, for the error.

    Raises:
        ValueError: a position or a window lies outside the map.
    """
    where = f"the map of {layer!r}, of {' x '.join('?' if side is None else str(side) for side in size)}"
    for axis, (side, whole) in enumerate(zip(window, size)):
        if whole is None:
            continue
        if side > whole:
            raise ValueError(f'"window" must fit into {where}. Received: {window}.')
        if positions is None:
            continue
        first = positions[:, axis] - side // 2
        wrong = (positions[:, axis] >= whole) | (first < 0) | (first + side > whole)
        if wrong.any():
            position = tuple(positions[wrong.argmax()].tolist())
            around = "" if window == (1, 1) else f" with the window {window} around it"
            raise ValueError(f'"position" must lie inside {where}{around}. Received: {position}.')


def cut_window(values: tf.Tensor, window: tuple[int, int], position: tf.Tensor | None = None) -> tf.Tensor:
    """Cut a window out of a map.

    Args:
        values: tensor (views, height, width, channels).
        window: `(height, width)` of the window. Its row `height // 2` and column `width // 2` lie at the position.
        position: int32 tensor (views, 2); `None` is the centre, `(height // 2, width // 2)` of the map.

    Returns:
        Tensor (views, *window, channels).
    """
    if position is None:
        top, left = (central(values, axis) - side // 2 for axis, side in zip((1, 2), window))
        return values[:, top : top + window[0], left : left + window[1]]
    rows, columns = (position[:, axis, None] - side // 2 + tf.range(side) for axis, side in enumerate(window))
    shape = (values.shape[0], *window)
    grid = [tf.broadcast_to(rows[:, :, None], shape), tf.broadcast_to(columns[:, None, :], shape)]
    return tf.gather_nd(values, tf.stack(grid, axis=-1), batch_dims=1)


def central(values: tf.Tensor, axis: int) -> int | tf.Tensor:
    """The central index of an axis: the middle, or the second of the two in the middle, as in Lucid."""
    size = values.shape[axis]
    return (tf.shape(values)[axis] if size is None else size) // 2


def position_text(position: Sequence[int] | None, window: tuple[int, int] = (1, 1)) -> str:
    """A position and a window in the name of an objective."""
    place = CENTRE if position is None else ",".join(map(str, position))
    return place if tuple(window) == (1, 1) else f"{window[0]} x {window[1]} at {place}"
