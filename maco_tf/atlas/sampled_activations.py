"""Activations of natural images at random positions of a layer, and the classes that directions support there."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from maco_tf.exemplars.source import ImageSource
from maco_tf.models.activations import Activations
from maco_tf.models.splitting import logits_behind
from maco_tf.objectives.tokens import choose_tokens

# Number of images that the model sees at once.
_BATCH = 32
# Smallest side of a map whose border is left out: padding changes the activations there.
_WITH_BORDER = 5


class Sample(NamedTuple):
    """Activations at random positions.

    Attributes:
        values: array (count, channels), float32.
        images: array (count,), int64: the indices of their images.
        positions: array (count,), int64: the numbers of the positions, row by row, without a class token.
    """

    values: np.ndarray
    images: np.ndarray
    positions: np.ndarray


def sample_activations(
    activations: Activations, layer: str | int, source: ImageSource, count: int, *, seed: int = 0
) -> Sample:
    """Read a layer at random positions of natural images.

    Every image is read at the same number of positions. If there are more images than `count`, every second, third or
    n-th image is read at one position. The positions of an image depend on its index and the seed only. Those at the
    border of the map are left out if the map has at least 5 rows and columns.

    Args:
        activations: the model.
        layer: a layer of maps, tokens or features.
        source: the images.
        count: number of activations to aim at.
        seed: integer of at least 0.

    Returns:
        A `Sample`, in the order of the images.
    """
    shape = activations.shapes([layer])[layer]
    allowed = _positions(shape)
    stride, each = 1, len(allowed)
    if source.count is not None:
        stride = max(1, source.count // count)
        each = min(len(allowed), -(-count * stride // source.count))
    spec = tf.TensorSpec((None, *activations.input_shape), tf.float32)
    read = tf.function(lambda batch: _rows(activations(batch, [layer])[layer]), autograph=False)
    concrete = read.get_concrete_function(spec)
    values, images, positions = [], [], []
    for batch in source.batches(activations.input_shape[:2], _BATCH, shard=(0, stride)):
        rows = concrete(batch.images).numpy()
        for row, index in zip(rows, batch.indices.tolist(), strict=True):
            chosen = np.sort(np.random.default_rng((seed, index)).permutation(allowed)[:each])
            values.append(row[chosen])
            images.append(np.full(len(chosen), index))
            positions.append(chosen)
    return Sample(np.concatenate(values), np.concatenate(images), np.concatenate(positions))


def supported_classes(activations: Activations, layer: str | int, values: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """How much the logits grow if a layer holds some activation at every position, in place of the mean activation.

    Args:
        activations: a classifier.
        layer: a layer of maps, tokens or features that splits the model, see `logits_behind`.
        values: array (count, channels), float32.
        mean: array (channels,), float32.

    Returns:
        Array (count, classes), float32.

    Raises:
        ValueError: the layer does not split the model.
    """
    shape = activations.shapes([layer])[layer]
    repeats = tf.constant([1, *(1 if size is None else size for size in shape[:-1]), 1])

    def logits(rows: tf.Tensor) -> tf.Tensor:
        spread = tf.reshape(rows, (-1, *(1 for _ in shape[:-1]), shape[-1]))
        return logits_behind(activations, layer, tf.tile(spread, repeats))

    spec = tf.TensorSpec((None, shape[-1]), tf.float32)
    run = tf.function(logits, autograph=False).get_concrete_function(spec)
    rows = np.concatenate([mean[None], values]).astype("float32")
    found = [run(tf.constant(rows[start : start + _BATCH])).numpy() for start in range(0, len(rows), _BATCH)]
    return np.concatenate(found)[1:] - found[0][:1]


def _positions(shape: tuple[int | None, ...]) -> np.ndarray:
    """The numbers of the positions that are read."""
    if len(shape) != 3:
        return np.arange(_rows(tf.zeros((1, *shape))).shape[1])
    rows, columns = shape[0] or 1, shape[1] or 1
    grid = np.arange(rows * columns).reshape(rows, columns)
    return (grid[1:-1, 1:-1] if min(rows, columns) >= _WITH_BORDER else grid).ravel()


def _rows(activation: tf.Tensor) -> tf.Tensor:
    """An activation as (batch, positions, channels), without a class token."""
    chosen = choose_tokens(activation, "patch")
    return tf.reshape(chosen, (tf.shape(chosen)[0], -1, chosen.shape[-1]))
