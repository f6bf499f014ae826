"""Measure the distribution of the activations of images, streamed from any number of them."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_integer
from maco_tf.exemplars.source import ImageSource
from maco_tf.images.image_set import Images, ImageSet
from maco_tf.models.activations import Activations
from maco_tf.models.layers import find_layer
from maco_tf.models.preprocessing import Preprocessing
from maco_tf.models.references import distinct
from maco_tf.models.taps import feature_layers
from maco_tf.objectives.layer_statistics import LayerStatistics, sampled_rows, sorted_means
from maco_tf.objectives.tokens import Tokens, as_tokens, check_tokens

_LAYERS = 5


def measure_statistics(
    model: keras.Model,
    images: "Images | ImageSet | ImageSource",
    layers: Sequence[str | int] | None = None,
    *,
    quantiles: int = 64,
    tokens: Tokens = "patch",
    preprocessing: Preprocessing = "auto",
    input_shape: tuple[int, int, int] | None = None,
    batch_size: int = 32,
) -> LayerStatistics:
    """Measure how the activations of images are distributed in some layers of a model, for `NaturalStatistics`.

        measure_statistics(model, "imagenet/val").save("natural.npz")

    Images are streamed, so the memory does not depend on their number. The images of a class, or the exemplars of a
    unit, are measured in the same way.

    Args:
        model: see `MacoVisualizer`.
        images: at least two images in any form; see `find_exemplars`. The model sees the centre of each.
        layers: names, paths or indices of layers of shape (height, width, channels) or (tokens, width). `None` chooses
            up to five from the stem to the head: batch norms, sums of a transformer, or the last layers of each size of
            the feature maps.
        quantiles: number of parts into which the sorted activations of a channel are divided; a layer with fewer
            positions has as many parts as positions.
        tokens: the tokens of a transformer's layer: "patch", "class", "all", or a slice of them.
        preprocessing: see `MacoVisualizer`.
        input_shape: see `MacoVisualizer`.
        batch_size: number of images that the model sees at once.

    Returns:
        A `LayerStatistics`.

    Raises:
        ValueError: a layer has no positions, or there are fewer than two images.
        FloatingPointError: the model returns NaN or infinity.
    """
    quantiles, batch_size = check_integer("quantiles", quantiles, 1), check_integer("batch_size", batch_size, 1)
    tokens = as_tokens(tokens)
    activations = Activations(model, preprocessing, input_shape, fold=True)
    layers = [layers] if isinstance(layers, str) else layers
    chosen = feature_layers(activations, _LAYERS) if layers is None else _names(model, layers)
    if not chosen:
        raise ValueError(
            f'"layers" must name at least one layer. Received: {layers!r}, and no layer of {model.name!r} has channels '
            "at several positions."
        )
    for layer, shape in activations.shapes(chosen).items():
        if len(shape) not in (2, 3) or None in shape:
            raise ValueError(
                f'"layers" must name layers of known shape (height, width, channels) or (tokens, width). Received: '
                f"{layer!r}, of shape {shape}."
            )
        check_tokens(tokens, shape, layer)
    source = images if isinstance(images, ImageSource) else ImageSource(images, activations.input_shape[2])

    @tf.function(autograph=False, reduce_retracing=True)
    def sorted_activations(batch: tf.Tensor) -> list[tf.Tensor]:
        found = activations(batch, chosen)
        rows = [sampled_rows(found[layer], tokens) for layer in chosen]
        return [sorted_means(values, min(quantiles, values.shape[1])) for values in rows]

    spec = tf.TensorSpec((batch_size, *activations.input_shape), tf.float32)
    concrete = sorted_activations.get_concrete_function(spec)
    sums: list[tuple[Any, Any]] = [(0.0, 0.0)] * len(chosen)
    seen = 0
    for batch in source.batches(activations.input_shape[:2], batch_size):
        count = len(batch.indices)
        # A short batch is filled up, so that one trace serves all batches.
        filled = tf.gather(batch.images, tf.minimum(tf.range(batch_size), count - 1))
        for number, values in enumerate(concrete(filled)):
            exact = values.numpy()[:count].astype("float64")
            total, squares = sums[number]
            sums[number] = (total + exact.sum(axis=0), squares + np.square(exact).sum(axis=0))
        seen += count
    source.warn_of_damaged(list(source.damaged))
    if seen < 2:
        raise ValueError(f'"images" must hold at least two images, which show how images differ. Received: {seen}.')
    means = [total / seen for total, _ in sums]
    variances = [np.maximum(squares / seen - mean**2, 0).mean(axis=-1) for mean, (_, squares) in zip(means, sums)]
    if not all(np.isfinite(mean).all() for mean in means):
        raise FloatingPointError("The model returned NaN or infinity on an image. Check its preprocessing.")
    return LayerStatistics(
        tuple(chosen),
        tuple(mean.astype("float32") for mean in means),
        tuple(np.sqrt(variance).astype("float32") for variance in variances),
        seen,
        tokens,
        model.name,
    )


def _names(model: keras.Model, layers: Sequence[str | int]) -> list[str]:
    """The layers by name, since an index says nothing in a file."""
    return [layer if isinstance(layer, str) else find_layer(model, layer)[0] for layer in distinct(layers)]
