"""The distribution of the activations of natural images as a prior."""

import base64
import os
from collections.abc import Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_choice
from maco_tf.models.activations import Activations
from maco_tf.objectives.layer_statistics import (
    LayerStatistics,
    averaged,
    mean_and_deviation,
    sampled_rows,
    shipped_statistics,
    sorted_means,
)
from maco_tf.objectives.multi_layer import MultiLayerTerm, check_balance
from maco_tf.objectives.tokens import Tokens, check_tokens, tokens_config

_Statistics: TypeAlias = LayerStatistics | str | os.PathLike[str]
_NAME = "natural statistics"
# A channel whose deviation is a smaller share of its layer's mean, as a dead one, is compared on this scale.
_LEAST_DEVIATION = 0.1


@keras.saving.register_keras_serializable(package="maco_tf")
class NaturalStatistics(MultiLayerTerm):
    """How close the distribution of activations is to that of natural images, in several layers.

        explanation = visualizer.explain(Logit("golfcart") + NaturalStatistics())  # a network of the zoo

        statistics = measure_statistics(model, "photographs/")
        explanation = visualizer.explain(Logit("golfcart") + NaturalStatistics(statistics))

    For each layer and channel, the activations of a view at its positions are compared with those of the images. The
    score is at most 0: minus the mean square difference, divided by that of the images themselves. So a typical
    image of the set scores about -1.

    The choice of the images decides what the prior asks for. Images of many classes describe photographs in general.
    Images of the explained class, or exemplars of the unit, also describe what these images have in common, whether the
    unit uses it or not; show the image without the prior beside it.

    Args:
        statistics: a `LayerStatistics`, see `maco_tf.exemplars.measure_statistics`; a file that its `save` wrote; or a
            list of these, for a batch. All statistics of a batch must have the same layers. `None` takes
            the statistics of photographs that the package has for networks of its zoo.
        distance: "moments" compares the mean and the deviation over the positions; "sorted" compares the sorted
            activations in equal parts of the axis, which is the distance of VITAL, and takes longer. For
            distributions of one shape, such as normal ones, they are equal.
        balance: at weight 1, the gradient of the prior at the start of a run, relative to that of the other terms;
            `None` uses the weight of the objective as it is.

    Source: Gorgun et al., 2025, "VITAL: More Understandable Feature Visualization through Distribution Alignment and
    Relevant Information Flow" (arXiv:2503.22399), where the images are of the class or activate the unit, and the
    difference is not divided by theirs.
    """

    def __init__(
        self,
        statistics: _Statistics | Sequence[_Statistics] | None = None,
        *,
        distance: str = "moments",
        balance: float | None = 0.4,
    ) -> None:
        self._distance = check_choice("distance", distance, ("sorted", "moments"))
        self.balance = check_balance(balance)
        if statistics is None:
            super().__init__(names=[_NAME])
            return
        listed = list(statistics) if isinstance(statistics, list | tuple) else [statistics]
        self._set([_as_statistics(item) for item in listed])

    def _set(self, batch: Sequence[LayerStatistics]) -> None:
        if not batch:
            raise ValueError('"statistics" must hold at least one LayerStatistics. Received: an empty list.')
        first = batch[0]
        for other in batch[1:]:
            if _layout(other) != _layout(first):
                raise ValueError(
                    '"statistics" must have the same layers, channels, quantiles and tokens. Received: '
                    f"{_layout(first)} and {_layout(other)}. Measure them with the same settings."
                )
        self.tokens, self._batch = first.tokens, tuple(batch)
        parameters = {}
        for number in range(len(first.layers)):
            parameters[f"quantiles_{number}"] = np.stack([item.quantiles[number] for item in batch])
            parameters[f"deviations_{number}"] = np.stack([item.deviations[number] for item in batch])
            parameters[f"spreads_{number}"] = np.stack([item.spreads[number] for item in batch])
        names = [_NAME] if len(batch) == 1 else [f"{_NAME} {index}" for index in range(len(batch))]
        super().__init__(first.layers, parameters, names)

    def resolved(self, activations: Activations) -> "NaturalStatistics":
        if self.layers:
            return self
        return NaturalStatistics(shipped_statistics(activations.model), distance=self._distance, balance=self.balance)

    # The batch as the caller passed it; `parameters` holds its arrays.
    _untraced = MultiLayerTerm._untraced | {"_batch"}
    _batch: tuple[LayerStatistics, ...] = ()
    tokens: Tokens = "patch"

    def take(self, indices: Sequence[int] | np.ndarray) -> "NaturalStatistics":
        taken: Any = super().take(indices)
        taken._batch = tuple(self._batch[index] for index in indices) if self._batch else ()
        return taken

    def check_layers(self, shapes: Sequence[tuple[int | None, ...]]) -> None:
        for number, (layer, shape) in enumerate(zip(self.layers, shapes)):
            channels = self.parameters[f"quantiles_{number}"].shape[1]
            if len(shape) not in (2, 3) or shape[-1] != channels or None in shape:
                raise ValueError(
                    f'"statistics" must come from this model: in them, {layer!r} has {channels} channels. Received: a '
                    f"layer of shape {shape}. Measure them again with measure_statistics."
                )
            check_tokens(self.tokens, shape, layer)

    def score(self, activation: Sequence[tf.Tensor], **parameters: tf.Tensor) -> tf.Tensor:
        distances = []
        for number, values in enumerate(activation):
            wanted, deviations = parameters[f"quantiles_{number}"], parameters[f"deviations_{number}"]
            rows = sampled_rows(values, self.tokens)
            least = _LEAST_DEVIATION * tf.reduce_mean(deviations, axis=-1, keepdims=True) + 1e-12
            scale = tf.square(tf.maximum(deviations, least))
            if self._distance == "sorted":
                squares = _sorted_squares(rows, wanted)
            else:
                squares = _moment_squares(rows, tf.reduce_mean(wanted, axis=-1), parameters[f"spreads_{number}"])
            distances.append(tf.reduce_mean(squares / scale, axis=-1))
        return -tf.add_n(distances) / len(distances)

    @property
    def statistics(self) -> list[LayerStatistics]:
        """The statistics of each objective of the batch; empty if the package's own statistics are used."""
        return list(self._batch)

    def get_config(self) -> dict[str, Any]:
        settings = {"distance": self._distance, "balance": self.balance}
        if not self._batch:
            return settings
        return settings | {"statistics": [base64.b64encode(item.to_bytes()).decode() for item in self._batch]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "NaturalStatistics":
        if "statistics" not in config:
            return cls(**config)
        config = dict(config)
        stored = [base64.b64decode(text) for text in config.pop("statistics")]
        batch = [LayerStatistics.from_bytes(content, received="a damaged record") for content in stored]
        return cls(batch, **config)


def _sorted_squares(rows: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """The mean square difference of the sorted activations: tensor (views, channels)."""
    count = min(wanted.shape[-1], rows.shape[1])
    return tf.reduce_mean(tf.square(sorted_means(rows, count) - averaged(wanted, count)), axis=-1)


def _moment_squares(rows: tf.Tensor, wanted_mean: tf.Tensor, wanted_spread: tf.Tensor) -> tf.Tensor:
    """The square differences of mean and deviation: `_sorted_squares` for distributions of one shape."""
    mean, spread = mean_and_deviation(rows, 1e-12 + 1e-6 * tf.square(wanted_spread))
    return tf.square(mean - wanted_mean) + tf.square(spread - wanted_spread)


def _as_statistics(value: Any) -> LayerStatistics:
    if isinstance(value, str | os.PathLike):
        try:
            return LayerStatistics.load(value)
        except OSError as error:
            raise ValueError(f'"statistics" must name a file that can be read. Received: {value}: {error}') from error
    if not isinstance(value, LayerStatistics):
        raise ValueError(
            '"statistics" must be the result of maco_tf.measure_statistics, or a file of it. Received: '
            f"{type(value).__name__}. Call measure_statistics(model, images) first."
        )
    return value


def _layout(statistics: LayerStatistics) -> tuple[Any, ...]:
    """Everything that the statistics of a batch must have in common."""
    shapes = [quantiles.shape for quantiles in statistics.quantiles]
    return (statistics.layers, shapes, tokens_config(statistics.tokens))
