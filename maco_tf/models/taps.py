"""Layers from the stem to the head of a network, chosen where nobody names them."""

import weakref
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import keras
import numpy as np

from maco_tf.models.activations import Activations
from maco_tf.models.layers import layer_paths

# Kinds of layers that move or copy values, or change the image before the network.
_WITHOUT_FEATURES = {"InputLayer", "ZeroPadding2D", "Pad", "Rescaling", "Normalization", "Dropout", "SpatialDropout2D"}

_Shape = tuple[int | None, ...]
_Item = TypeVar("_Item")
# Model -> (input shape and number of layers, shapes).
_FOUND: "weakref.WeakKeyDictionary[keras.Model, tuple[tuple[int, ...], dict[str, _Shape]]]"
_FOUND = weakref.WeakKeyDictionary()


class Traced(NamedTuple):
    """A layer that a call of the model calls once.

    Attributes:
        path: its path.
        operation: the layer or operation.
        shape: the shape of its output without the batch axis; unknown sizes are `None`.
    """

    path: str
    operation: keras.Operation
    shape: _Shape


def batch_norms(activations: Activations) -> list[Traced]:
    """The batch norms of a model that normalise the channels of feature maps.

    Args:
        activations: the model.

    Returns:
        List of `Traced` in the order of the model. Batch norms that the model calls several times are left out.
    """
    return [
        layer
        for layer in _traced(activations)
        if isinstance(layer.operation, keras.layers.BatchNormalization)
        and layer.operation.axis in (-1, len(layer.shape))
        and _has_positions(layer.shape)
    ]


def feature_layers(activations: Activations, count: int) -> list[str]:
    """Choose layers of features from the stem to the head.

    In a network with at least `count` batch norms, these are spread evenly over its depth: their outputs have no
    channels that are hardly ever active. In another convolutional network they are the last residual sum of each size
    of the feature maps, or the last layer of a size without sums. In a transformer they are sums or, where sums are not
    operations of the model, any layers of tokens, spread evenly over its depth.

    Args:
        activations: the model.
        count: the most layers.

    Returns:
        List of paths in the order of the model; empty if no layer has features at several positions.
    """
    norms = batch_norms(activations)
    if len(norms) >= count:
        return [layer.path for layer in spread(norms, count)]
    layers = [layer for layer in _traced(activations) if _has_features(layer, activations.input_shape)]
    maps = [layer for layer in layers if len(layer.shape) == 3]
    tokens = [layer for layer in layers if len(layer.shape) == 2]
    sums = [layer for layer in tokens if _is_sum(layer)]
    if len(sums) >= count:
        return [layer.path for layer in spread(sums, count)]
    last = [layer.path for layer in _last_of_each_size(activations, maps)]
    if len(last) < 2:
        last = [layer.path for layer in maps or tokens]
    return spread(last, count)


def last_layers(activations: Activations) -> list[str]:
    """The last layer of each size of the feature maps, or the last residual sum where there is one.

    In a ResNet, these are the stem and the ends of the four stages.

    Args:
        activations: the model.

    Returns:
        List of paths in the order of the model; empty if the model has no feature maps, as a transformer.
    """
    layers = [layer for layer in _traced(activations) if _has_features(layer, activations.input_shape)]
    maps = [layer for layer in layers if len(layer.shape) == 3]
    return [layer.path for layer in _last_of_each_size(activations, maps)]


def _last_of_each_size(activations: Activations, maps: Sequence[Traced]) -> list[Traced]:
    # A dictionary keeps the last value of a key, at the place where the key came first.
    last = {layer.shape[:-1]: layer for layer in maps}
    # Maps with as many channels as the output are probably class scores.
    outputs = (getattr(activations.model, "output_shape", None) or (None,))[-1]
    last_features = {layer.shape[:-1]: layer for layer in maps if layer.shape[-1] != outputs}
    last_sums = {layer.shape[:-1]: layer for layer in maps if _is_sum(layer)}
    return list((last | last_features | last_sums).values())


def spread(items: Sequence[_Item], count: int) -> list[_Item]:
    """Choose items evenly from the first to the last.

    Args:
        items: any number of items.
        count: the most items, at least 1; a single one is the last.
    """
    if count == 1 or len(items) <= count:
        return list(items[-count:])
    return [items[index] for index in np.linspace(0, len(items) - 1, count).round().astype(int)]


def _traced(activations: Activations) -> list[Traced]:
    """The layers that are called once and return one tensor. The shapes are kept, because tracing takes seconds."""
    model = activations.model
    paths = layer_paths(model)
    key = (*activations.input_shape, len(paths))
    known = _FOUND.get(model)
    if known is None or known[0] != key:
        known = _FOUND[model] = (key, activations.all_shapes())
    return [Traced(path, paths[path], shape) for path, shape in known[1].items()]


def _is_sum(layer: Traced) -> bool:
    return type(layer.operation).__name__ == "Add"


def _has_positions(shape: _Shape) -> bool:
    """Whether the layer has channels at several positions; an unknown number counts as several."""
    return len(shape) in (2, 3) and shape[-1] is not None and any(size != 1 for size in shape[:-1])


def _has_features(layer: Traced, input_shape: Sequence[int]) -> bool:
    operation, shape = layer.operation, layer.shape
    # A model inside the model returns the output of one of its layers. Heads of attention look like maps.
    attends = "Attention" in layer.path or "attention" in layer.path
    whole = isinstance(operation, keras.Model) or type(operation).__name__ in _WITHOUT_FEATURES
    return not whole and not attends and _has_positions(shape) and tuple(shape) != tuple(input_shape)
