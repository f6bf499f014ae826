"""VITAL and DeepInversion, which match the activations of real images, from the parts of this package.

Both optimise free pixels of the network's own input size with one view in a step, an image that is shifted around its
borders, and Adam, whose learning rate rises for a twentieth of the run and then falls as a cosine. Published are 2,000
such steps; VITAL's settings are those of DeepInversion, with other terms.

Two things differ from both publications: shifts are proportional to the input, 30 of 224 pixels; and every image is
optimised alone, where DeepInversion takes the statistics over a batch of images.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.exemplars.measured_statistics import measure_statistics
from maco_tf.models.activations import Activations
from maco_tf.models.taps import batch_norms, feature_layers, last_layers
from maco_tf.objectives.batch_norm_statistics import learned_scale
from maco_tf.objectives.logit import Logit
from maco_tf.objectives.multi_layer import MultiLayerTerm
from maco_tf.objectives.natural_statistics import NaturalStatistics
from maco_tf.objectives.objective import Objective
from maco_tf.objectives.penalties import L2, TotalVariation
from maco_tf.parametrizations.parametrization import Parametrization, normal_start
from maco_tf.transforms.flip import RandomFlip
from maco_tf.transforms.jitter import Jitter
from maco_tf.transforms.transform import Transform
from maco_tf.visualizers.visualizer import Visualizer

# The published length of a run.
STEPS = 2000
# Of VITAL's steps, the first 100 of 2,000 raise the learning rate.
_WARMUP = 0.05
# The largest shift, as a share of the image's side.
_SHIFT = 30 / 224

# Mean and deviation of ImageNet's red, green and blue, in which both publications normalise colours.
_COLOUR_MEAN, _COLOUR_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# The maps of VITAL's networks are read whole, up to this number of positions; larger ones at a grid, see
# `layer_statistics.sampled_rows`.
_QUANTILES = 1024
_LAYERS = 5

# DeepInversion's command for ImageNet (README of its repository) and, where that is silent, the defaults of its code.
_FEATURES, _FIRST = 0.01, 10.0
# The published penalties are sums of Euclidean norms over all pixels in normalised colours: 1e-4 of the differences
# between neighbours along four directions, and 1e-5 of the image. These are the same strengths in the units of this
# package's terms, at 224 pixels and a typical image.
_TOTAL_VARIATION, _NORM, _MEAN = 0.5, 0.017, 0.45


@dataclasses.dataclass(frozen=True, eq=False)
class Surround(Transform):
    """Continue an image periodically beyond its borders, so that shifts move what leaves at one side to the other.

    Args:
        pixels: width of the border on each of the four sides, at most the image's side.
    """

    pixels: int

    def apply(self, images: tf.Tensor, draws: tuple[tf.Tensor, ...]) -> tf.Tensor:
        for axis in (1, 2):
            head, tail = (tf.gather(images, self._edge(images.shape[axis], end), axis=axis) for end in (False, True))
            images = tf.concat([tail, images, head], axis=axis)
        return images

    def _edge(self, side: int, end: bool) -> np.ndarray:
        return np.arange(side - self.pixels, side) if end else np.arange(self.pixels)


class ClippedPixels(Parametrization):
    """Free pixels in normalised colours, which start at normal noise and are clipped to those of images after a step.

    Args: see `Parametrization`; the images have three channels.
    """

    def initialize(self, seed: int) -> list[tf.Tensor]:
        return [_clipped(normal_start(seed, self.batch_size, self.image_shape, 1.0))]

    def image(self, variables: list[tf.Tensor]) -> tf.Tensor:
        return variables[0] * tf.constant(_COLOUR_DEVIATION) + tf.constant(_COLOUR_MEAN)

    def after_step(self, variables: list[tf.Tensor], done: int | tf.Tensor) -> list[tf.Tensor]:
        return [_clipped(variables[0])]


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ClippedPixelVisualizer(Visualizer):
    """The optimisation of `ClippedPixels`: a part of two methods of the benchmark, and not a method by itself."""

    def parametrization(self, batch_size: int) -> ClippedPixels:
        return ClippedPixels(self.image_shape, batch_size)


# Set after the definition of the class, which would register a method of this name.
ClippedPixelVisualizer.method = "clipped pixels"


def pixel_settings(model: keras.Model, steps: int, *, learning_rate: float, flip: bool = False) -> dict[str, Any]:
    """The settings of a `ClippedPixelVisualizer` for both methods.

    Args:
        model: the explained network.
        steps: length of the run.
        learning_rate: the highest learning rate, in normalised colours.
        flip: whether half of the views are mirrored.

    Returns:
        Dictionary, setting -> value.
    """
    shift = round(_SHIFT * min(Activations(model).input_shape[:2]))
    transforms: list[Transform] = [Surround(shift), Jitter(2 * shift)]
    warmup = max(1, round(_WARMUP * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / warmup, max(1, steps - warmup), warmup_target=learning_rate, warmup_steps=warmup
    )
    return {
        "steps": steps,
        "image_size": "input",
        "transforms": [*transforms, RandomFlip()] if flip else transforms,
        "optimizer": keras.optimizers.Adam(schedule, beta_1=0.5, beta_2=0.9, epsilon=1e-8),
    }


def vital(model: keras.Model, images: Sequence[str]) -> Objective:
    """VITAL's objective for a class: the sum over its layers of the mean square difference of sorted activations.

    Nothing asks for the class but the images. The layers are the stem and the ends of the stages, as published for
    ResNet50; in other convolutional networks, the last layers of each size of the maps. In a transformer, they are
    spread over the depth.

    Args:
        model: the explained network.
        images: files of images of the class, at least two.

    Source: Gorgun et al., 2025 (arXiv:2503.22399), with the weights and without the total variation of its
        convolutional networks.
    """
    activations = Activations(model)
    layers = last_layers(activations)
    if len(layers) < 2:
        layers = feature_layers(activations, _LAYERS)
    statistics = measure_statistics(model, list(images), layers, quantiles=_QUANTILES, batch_size=len(images))
    # `NaturalStatistics` divides by the images' own deviations, VITAL does not.
    ones = tuple(np.ones_like(deviations) for deviations in statistics.deviations)
    statistics = dataclasses.replace(statistics, deviations=ones)
    return float(len(layers)) * NaturalStatistics(statistics, distance="sorted", balance=None)


def deep_inversion(index: int) -> Objective:
    """DeepInversion's objective for a class: its cross-entropy, the memory of all batch norms, and small penalties.

    Args:
        index: class number.

    Source: Yin et al., 2020 (arXiv:1912.08795) and the settings of github.com/NVlabs/DeepInversion.
    """
    penalties = _TOTAL_VARIATION * TotalVariation() + _NORM * L2(_MEAN)
    return LogProbability(index) + _FEATURES * PublishedBatchNorms() - penalties


@keras.saving.register_keras_serializable(package="maco_tf")
class LogProbability(Logit):
    """The logarithm of a class's probability: minus the cross-entropy. See `Logit`."""

    def score(self, activation: tf.Tensor, *, index: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.nn.log_softmax(activation), index, batch_dims=1)


@keras.saving.register_keras_serializable(package="maco_tf")
class PublishedBatchNorms(MultiLayerTerm):
    """Minus the distance that DeepInversion publishes between a view and the batch norms' memory.

    For every batch norm, it is the Euclidean distance of its input's means from the moving means, plus that of the
    variances from the moving variances; those of the first count ten times. `BatchNormStatistics` is the term of this
    package, in which layers of different scales count the same.

    Raises:
        ValueError: the network has no batch norms.
    """

    def __init__(self) -> None:
        super().__init__(names=["published batch norms"])

    def resolved(self, activations: Activations) -> MultiLayerTerm:
        norms = batch_norms(activations)
        if not norms:
            raise ValueError(f'"model" must have batch norms. Received: {activations.model.name!r}, which has none.')
        parameters: dict[str, np.ndarray] = {}
        for number, layer in enumerate(norms):
            norm: Any = layer.operation
            variance = keras.ops.convert_to_numpy(norm.moving_variance)
            beta, gamma = learned_scale(norm)
            # The input is read from the output, y = gamma (x - mean) / deviation + beta. A channel that the batch norm
            # switches off says nothing about its input.
            known = np.abs(gamma) > 1e-6 * np.abs(gamma).max()
            scale = np.where(known, np.sqrt(variance + norm.epsilon) / np.where(known, gamma, 1), 0)
            target = np.where(known, variance, 0)
            arrays = {"beta": beta, "scale": scale, "variance": target}
            parameters |= {f"{name}_{number}": array.astype("float32") for name, array in arrays.items()}
        return self._reading([layer.path for layer in norms], parameters)

    def score(self, activation: Sequence[tf.Tensor], **parameters: tf.Tensor) -> tf.Tensor:
        distances = []
        for number, values in enumerate(activation):
            beta, scale, variance = (parameters[f"{name}_{number}"] for name in ("beta", "scale", "variance"))
            axes = list(range(1, len(values.shape) - 1))
            mean, spread = tf.nn.moments(values, axes)
            differences = (scale * (mean - beta), tf.square(scale) * spread - variance)
            # The square root has no gradient at 0.
            norms = [tf.sqrt(tf.reduce_sum(tf.square(values), axis=-1) + 1e-12) for values in differences]
            distances.append((_FIRST if number == 0 else 1.0) * tf.add_n(norms))
        return -tf.add_n(distances)

    def get_config(self) -> dict[str, Any]:
        return {}


def _clipped(pixels: tf.Tensor) -> tf.Tensor:
    mean, deviation = tf.constant(_COLOUR_MEAN), tf.constant(_COLOUR_DEVIATION)
    return tf.clip_by_value(pixels, -mean / deviation, (1 - mean) / deviation)
