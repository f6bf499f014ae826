"""Measure the distribution of the activations of images, streamed from any number of them."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_integer
from maco_tf.exemplars.objective_scores import ObjectiveScores
from maco_tf.exemplars.source import ImageSource
from maco_tf.images.image_set import Images, ImageSet
from maco_tf.models.activations import IMAGE, Activations
from maco_tf.models.digests import weights_digest
from maco_tf.models.layers import find_layer
from maco_tf.models.preprocessing import Preprocessing
from maco_tf.models.references import distinct
from maco_tf.models.taps import feature_layers
from maco_tf.objectives.layer_statistics import LayerStatistics, sampled_rows, sorted_means
from maco_tf.objectives.objective import Objective
from maco_tf.objectives.tokens import Tokens, as_tokens, check_tokens

_LAYERS = 5


def measure_statistics(
    model: keras.Model,
    images: "Images | ImageSet | ImageSource",
    layers: Sequence[str | int] | None = None,
    *,
    quantiles: int = 64,
    tokens: Tokens = "patch",
    relevance: Objective | None = None,
    preprocessing: Preprocessing = "auto",
    input_shape: tuple[int, int, int] | None = None,
    batch_size: int = 32,
) -> LayerStatistics:
    """Measure how the activations of images are distributed in some layers of a model, for `NaturalStatistics`.

        measure_statistics(model, "imagenet/val").save("natural.npz")

    Images are streamed, so the memory does not depend on their number. The images of a class are measured in the same
    way, and so are the exemplars of a unit:

        found = maco_tf.find_exemplars(model, unit, "imagenet/val")
        measure_statistics(model, found.images()[0], relevance=unit)

    Args:
        model: see `MacoVisualizer`.
        images: at least two images in any form; see `find_exemplars`. The model sees the centre of each.
        layers: names, paths or indices of layers of shape (height, width, channels) or (tokens, width). `None` chooses
            up to five from the stem to the head: batch norms, sums of a transformer, or the last layers of each size of
            the feature maps.
        quantiles: number of parts into which the sorted activations of a channel are divided; a layer with fewer
            positions has as many parts as positions.
        tokens: the tokens of a transformer's layer: "patch", "class", "all", or a slice of them.
        relevance: an `Objective` of length one. What it does not respond to is left out: every activation is multiplied
            by its relevance, the positive part of activation times gradient of the objective, divided by the largest
            of its channel in the image. Only layers that the objective depends on are measured.
        preprocessing: see `MacoVisualizer`.
        input_shape: see `MacoVisualizer`.
        batch_size: number of images that the model sees at once.

    Returns:
        A `LayerStatistics`.

    Raises:
        ValueError: a layer has no positions, there are fewer than two images, or `relevance` does not fit the model or
            does not depend on a layer.
        FloatingPointError: the model returns NaN or infinity.

    Source: the relevance follows VITAL (Gorgun et al., 2025), which takes it from Layer-wise Relevance Propagation.
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
    gate = None if relevance is None else _Relevance(activations, relevance)
    if gate is not None:
        chosen = gate.upstream(chosen, named=layers is not None)

    @tf.function(autograph=False, reduce_retracing=True)
    def sorted_activations(batch: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        found = activations(batch, chosen) if gate is None else gate(batch, chosen)
        rows = [sampled_rows(found[layer], tokens) for layer in chosen]
        return [
            (sorted_means(values, min(quantiles, values.shape[1])), tf.math.reduce_std(values, axis=1))
            for values in rows
        ]

    spec = tf.TensorSpec((batch_size, *activations.input_shape), tf.float32)
    concrete = sorted_activations.get_concrete_function(spec)
    sums: list[tuple[Any, Any, Any]] = [(0.0, 0.0, 0.0)] * len(chosen)
    seen = 0
    for batch in source.batches(activations.input_shape[:2], batch_size):
        count = len(batch.indices)
        # A short batch is filled up, so that one trace serves all batches.
        filled = tf.gather(batch.images, tf.minimum(tf.range(batch_size), count - 1))
        for number, (values, spread) in enumerate(concrete(filled)):
            exact = values.numpy()[:count].astype("float64")
            total, squares, spreads = sums[number]
            spreads = spreads + spread.numpy()[:count].sum(axis=0, dtype="float64")
            sums[number] = (total + exact.sum(axis=0), squares + np.square(exact).sum(axis=0), spreads)
        seen += count
    source.warn_of_damaged(list(source.damaged))
    if seen < 2:
        raise ValueError(f'"images" must hold at least two images, which show how images differ. Received: {seen}.')
    means = [total / seen for total, _, _ in sums]
    variances = [np.maximum(squares / seen - mean**2, 0).mean(axis=-1) for mean, (_, squares, _) in zip(means, sums)]
    if not all(np.isfinite(mean).all() for mean in means):
        raise FloatingPointError("The model returned NaN or infinity on an image. Check its preprocessing.")
    return LayerStatistics(
        tuple(chosen),
        tuple(mean.astype("float32") for mean in means),
        tuple(np.sqrt(variance).astype("float32") for variance in variances),
        tuple((spreads / seen).astype("float32") for _, _, spreads in sums),
        seen,
        tokens,
        model.name,
        weights_digest(model),
    )


def _names(model: keras.Model, layers: Sequence[str | int]) -> list[str]:
    """The layers by name, since an index says nothing in a file."""
    return [layer if isinstance(layer, str) else find_layer(model, layer)[0] for layer in distinct(layers)]


class _Relevance:
    """Activations times their relevance for an objective.

    Args:
        activations: the model.
        objective: an `Objective` of length one.
    """

    def __init__(self, activations: Activations, objective: Objective) -> None:
        if not isinstance(objective, Objective) or len(objective) != 1:
            raise ValueError(f'"relevance" must be an objective of length one. Received: {objective!r}.')
        self._activations, self._scores = activations, ObjectiveScores(activations, objective)
        self._name = objective.names[0]

    def upstream(self, layers: Sequence[str], *, named: bool) -> list[str]:
        """The layers that the objective depends on; another one is refused if the user named it."""
        spec = tf.TensorSpec((1, *self._activations.input_shape), tf.float32)
        reached: list[str] = []

        @tf.function(autograph=False)
        def trace(batch: tf.Tensor) -> tf.Tensor:
            _, gradients = self._gradients(batch, layers)
            reached.extend(layer for layer, gradient in zip(layers, gradients) if gradient is not None)
            return tf.constant(0)

        trace.get_concrete_function(spec)
        lost = [layer for layer in layers if layer not in reached]
        if not reached or (lost and named):
            raise ValueError(
                f'"relevance" must depend on the layers. Received: {self._name}, which does not depend on '
                f"{', '.join(lost)}. Name layers before it."
            )
        return reached

    def __call__(self, batch: tf.Tensor, layers: Sequence[str]) -> dict[str, tf.Tensor]:
        """Layer -> activations times relevance, inside a `tf.function` that is being traced."""
        found, gradients = self._gradients(batch, layers)
        gated = {}
        for layer, gradient in zip(layers, gradients):
            relevance = tf.nn.relu(found[layer] * gradient)
            positions = list(range(1, len(relevance.shape) - 1))
            largest = tf.reduce_max(relevance, axis=positions, keepdims=True)
            gated[layer] = found[layer] * tf.math.divide_no_nan(relevance, largest)
        return gated

    def _gradients(self, batch: tf.Tensor, layers: Sequence[str]) -> tuple[dict[Any, tf.Tensor], list[Any]]:
        read = [layer for layer in self._scores.layers if layer != IMAGE]
        found = self._activations(batch, list(dict.fromkeys([*layers, *read])))
        score = tf.reduce_sum(self._scores({**found, IMAGE: batch}))
        return found, tf.gradients(score, [found[layer] for layer in layers])
