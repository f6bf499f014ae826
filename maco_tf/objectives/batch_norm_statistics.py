"""The statistics that a network's batch norms remember from its training images, as a prior without any image."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.models.activations import Activations
from maco_tf.models.layers import layer_paths
from maco_tf.models.references import distinct, find_reference
from maco_tf.models.taps import batch_norms, spread
from maco_tf.objectives.layer_statistics import mean_and_deviation, sampled_rows
from maco_tf.objectives.multi_layer import MultiLayerTerm, check_balance

_LAYERS = 8
# A channel with a smaller share of its layer's mean scale is compared on this scale: it has no reliable deviation.
_LEAST_SCALE = 0.01


@keras.saving.register_keras_serializable(package="maco_tf")
class BatchNormStatistics(MultiLayerTerm):
    """How close activations are to the statistics that the network's batch norms learned from its training images.

        explanation = visualizer.explain(Logit("golfcart") + BatchNormStatistics())

    The output of a batch norm has the mean beta and the deviation |gamma| in every channel, taken over the positions of
    all training images. The score is at most 0: minus the mean over the layers and their channels of
    ((mean - beta)^2 + (deviation - |gamma|)^2) / gamma^2, with the mean and the deviation over the positions of a view.

    This equals the comparison of the batch norm's input with its moving mean and variance, in units of the latter.

    No image is needed, and the term knows nothing about the class or the unit that is explained. Even a photograph does
    not score 0, because a single image varies less than all images together, most of all in deep layers with few
    positions.

    The statistics are those of each view alone, so the score of an image does not depend on the other images of the
    batch, nor on how `max_batch_size` cuts the views. DeepInversion takes them over a batch of images.

    Args:
        layers: names or paths of batch norms; `None` chooses up to eight, spread evenly from the stem to the head.
        balance: at weight 1, the gradient of the prior at the start of a run, relative to that of the other terms;
            `None` uses the weight of the objective as it is.

    Source: Yin et al., 2020, "Dreaming to Distill: Data-free Knowledge Transfer via DeepInversion" (arXiv:1912.08795),
    with the Euclidean distances of means and variances, summed over all batch norms. Relative to the deviation,
    layers and channels of different scales count the same.
    """

    def __init__(self, layers: Sequence[str | int] | None = None, *, balance: float | None = 1.0) -> None:
        if isinstance(layers, str):
            layers = [layers]
        if layers is not None and not (layers := distinct(layers)):
            raise ValueError('"layers" must name at least one batch norm, or be None. Received: an empty list.')
        self._chosen = None if layers is None else list(layers)
        self.balance = check_balance(balance)
        super().__init__(names=["batch-norm statistics"])

    def resolved(self, activations: Activations) -> "BatchNormStatistics":
        model = activations.model
        found: dict[str | int, keras.Operation]
        if self._chosen is None:
            found = {layer.path: layer.operation for layer in spread(batch_norms(activations), _LAYERS)}
        else:
            found = {layer: find_reference(model, layer).operation for layer in self._chosen}
        for layer, norm in found.items():
            if not isinstance(norm, keras.layers.BatchNormalization):
                raise ValueError(
                    f'"layers" must name batch norms. Received: {layer!r}, a {type(norm).__name__}. The batch norms of '
                    f"{model.name!r} are {', '.join(_names(model)) or 'missing'}."
                )
        if not found:
            raise ValueError(
                "BatchNormStatistics needs a model with batch norms that are called once, on feature maps. Received: "
                f"{model.name!r}, which has none. Use NaturalStatistics(measure_statistics(model, images))."
            )
        parameters = {}
        for number, norm in enumerate(found.values()):
            beta, gamma = learned_scale(norm)
            # The mean and the deviation of its output.
            parameters[f"beta_{number}"], parameters[f"gamma_{number}"] = beta, np.abs(gamma)
        resolved: Any = self._reading(list(found), parameters)
        return resolved

    def check_layers(self, shapes: Sequence[tuple[int | None, ...]]) -> None:
        for number, (layer, shape) in enumerate(zip(self.layers, shapes)):
            channels = self.parameters[f"beta_{number}"].shape[-1]
            if len(shape) not in (2, 3) or shape[-1] != channels:
                raise ValueError(
                    f'"layers" must name batch norms of feature maps, with channels last. Received: {layer!r}, of '
                    f"shape {shape}."
                )

    def score(self, activation: Sequence[tf.Tensor], **parameters: tf.Tensor) -> tf.Tensor:
        distances = []
        for number, values in enumerate(activation):
            beta, gamma = parameters[f"beta_{number}"], parameters[f"gamma_{number}"]
            scale = tf.maximum(gamma, _LEAST_SCALE * tf.reduce_mean(gamma, axis=-1, keepdims=True) + 1e-12)
            mean, deviation = mean_and_deviation(sampled_rows(values), 1e-12 * tf.square(scale))
            squares = tf.square((mean - beta) / scale) + tf.square((deviation - gamma) / scale)
            distances.append(tf.reduce_mean(squares, axis=-1))
        return -tf.add_n(distances) / len(distances)

    def get_config(self) -> dict[str, Any]:
        return {"layers": self._chosen, "balance": self.balance}


def learned_scale(norm: keras.layers.BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """The beta and the gamma of a batch norm, 0 and 1 if it has none: arrays (channels,), float32."""
    channels = norm.moving_mean.shape
    beta = np.zeros(channels) if norm.beta is None else keras.ops.convert_to_numpy(norm.beta)
    gamma = np.ones(channels) if norm.gamma is None else keras.ops.convert_to_numpy(norm.gamma)
    return beta.astype("float32"), gamma.astype("float32")


def _names(model: keras.Model) -> list[str]:
    paths = layer_paths(model).items()
    names = [path for path, layer in paths if isinstance(layer, keras.layers.BatchNormalization)]
    return [*names[:3], "..."] if len(names) > 4 else names
