"""Sizes and variations of the optimised image or of a layer. Subtract one from an objective to keep it small.

The image is the optimised image itself and not the views of it that the model sees. A layer is read in every view, and
the score is the mean over the views.
"""

import abc
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_number, is_number
from maco_tf.models.activations import IMAGE
from maco_tf.objectives.positions import as_map, map_size
from maco_tf.objectives.term import Term

_GREY = 0.5


@keras.saving.register_keras_serializable(package="maco_tf")
class TotalVariation(Term):
    """Mean absolute difference between neighbouring values, summed over both axes of an image or a layer's map.

        Logit("pug") - 10 * TotalVariation()
        Logit("pug") - 0.1 * TotalVariation("block2b_add")

    Args:
        layer: name, path or index of a layer of shape (height, width, channels), or of a transformer's layer, whose
            grid of patches is read; by default the optimised image.

    Source: Lucid's `total_variation` and tf-keras-vis's `TotalVariation2D`. Lucid sums the absolute differences of both
    axes, and tf-keras-vis divides this sum by the number of values.
    """

    def __init__(self, layer: str | int = IMAGE) -> None:
        self.layer = layer
        super().__init__(names=["total variation" + _of(layer)])

    def check(self, shape: tuple[int | None, ...]) -> None:
        if map_size("layer", shape, self.layer) == (1, 1):
            raise ValueError(
                f'"layer" must have neighbouring positions. Received: {self.layer!r}, of shape {shape}, with a single '
                "position."
            )

    def score(self, activation: tf.Tensor) -> tf.Tensor:
        values = as_map(activation)
        total = tf.zeros(values.shape[:1])
        # The mean of the differences along an axis of one value would be not a number.
        if values.shape[1] != 1:
            total += tf.reduce_mean(tf.abs(values[:, 1:] - values[:, :-1]), (1, 2, 3))
        if values.shape[2] != 1:
            total += tf.reduce_mean(tf.abs(values[:, :, 1:] - values[:, :, :-1]), (1, 2, 3))
        return total

    def get_config(self) -> dict[str, Any]:
        return {"layer": self.layer}


class _Distance(Term, abc.ABC):
    """A distance between values and a constant level; see `Norm`."""

    def __init__(self, level: float | None, layer: str | int, name: str) -> None:
        self.layer = layer
        if isinstance(level, str):
            raise ValueError(
                f'"level" must be a finite number. Received: {level!r}. Write layer={level!r} for a layer.'
            )
        if level is None:
            level = _GREY if layer == IMAGE else 0.0
        super().__init__({"level": [np.float32(check_number("level", level))]}, [name + _of(layer)])

    def distances(self, activation: tf.Tensor, level: tf.Tensor) -> tf.Tensor:
        """Tensor of the activation's shape: the difference between every value and the level."""
        return activation - tf.reshape(level, (-1, *[1] * (len(activation.shape) - 1)))

    def get_config(self) -> dict[str, Any]:
        return {"level": float(self.parameters["level"][0]), "layer": self.layer}


@keras.saving.register_keras_serializable(package="maco_tf")
class L1(_Distance):
    """Mean absolute distance between a level and the values of an image or a layer.

    Args:
        level: a finite number. For the image, on the scale of its values, [0, 1], with the default 0.5, mid-grey; for a
            layer, on the scale of its activations, with the default 0.
        layer: name, path or index of a layer; by default the optimised image.

    Source: Lucid's `L1`, which is the sum instead of the mean.
    """

    def __init__(self, level: float | None = None, layer: str | int = IMAGE) -> None:
        super().__init__(level, layer, "L1")

    def score(self, activation: tf.Tensor, *, level: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.abs(self.distances(activation, level)), _all_but_first(activation))


@keras.saving.register_keras_serializable(package="maco_tf")
class L2(_Distance):
    """Root mean square distance between a level and the values of an image or a layer.

    Args:
        level: a finite number. For the image, on the scale of its values, [0, 1], with the default 0.5, mid-grey; for a
            layer, on the scale of its activations, with the default 0.
        layer: name, path or index of a layer; by default the optimised image.

    Source: Lucid's `L2`, which has the sum instead of the mean under the root, plus an `epsilon` of 1e-6; here it is
    1e-12.
    """

    def __init__(self, level: float | None = None, layer: str | int = IMAGE) -> None:
        super().__init__(level, layer, "L2")

    def score(self, activation: tf.Tensor, *, level: tf.Tensor) -> tf.Tensor:
        # The square root has no gradient at 0. The square of one grey level of 255 is 1.5e-5, so 1e-12 changes nothing.
        squares = tf.square(self.distances(activation, level))
        return tf.sqrt(tf.reduce_mean(squares, _all_but_first(activation)) + 1e-12)


@keras.saving.register_keras_serializable(package="maco_tf")
class Norm(_Distance):
    """The p-norm of the distances between a level and the values of an image or a layer, independent of their number.

        Logit("pug") - Norm(6)

    With n values x, it is (sum |x - level|^p / n)^(1/p), between the mean of the distances (p = 1, see `L1`) and their
    maximum (p = infinity).

    Args:
        p: exponent, at least 1; `float("inf")` or "inf" is the maximum.
        layer: name, path or index of a layer; by default the optimised image.
        level: as for `L1`.

    Source: tf-keras-vis's `Norm`, with the level 0 and the image in the range of the model's input; Mahendran and
    Vedaldi, 2015, use p = 6.
    """

    def __init__(self, p: float, layer: str | int = IMAGE, *, level: float | None = None) -> None:
        infinite = p == "inf" if isinstance(p, str) else isinstance(p, float | np.floating) and p == math.inf
        if not infinite and not (is_number(p) and p >= 1):
            raise ValueError(f'"p" must be a number of at least 1, or "inf". Received: {p!r}.')
        self.p = math.inf if infinite else float(p)
        super().__init__(level, layer, f"L{self.p:g}")

    def score(self, activation: tf.Tensor, *, level: tf.Tensor) -> tf.Tensor:
        distances, axes = tf.abs(self.distances(activation, level)), _all_but_first(activation)
        if self.p == math.inf:
            return tf.reduce_max(distances, axes)
        # High powers of small numbers would vanish, so the distances are divided by the largest one. The norm does not
        # depend on this scale, hence needs no gradient through it. Below 1e-6 every distance counts as zero, where the
        # root has no gradient.
        scale = tf.stop_gradient(tf.maximum(tf.reduce_max(distances, axes, keepdims=True), 1e-6))
        mean = tf.reduce_mean((distances / scale) ** self.p, axes)
        return tf.reshape(scale, mean.shape) * tf.maximum(mean, 1e-12) ** (1 / self.p)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "p": "inf" if self.p == math.inf else self.p}


@keras.saving.register_keras_serializable(package="maco_tf")
class Boundary(Term):
    """Mean absolute distance between the pixels near the border of the image and a level.

    Subtract it to keep the border empty, so that what the image shows stays inside:

        Channel("block5b_add", 10) - 20 * Boundary()

    Args:
        width: width of the border, as a share of the image's shorter side, above 0 and at most 0.5, which is the whole
            image along this side. The border has at least one pixel.
        level: a finite number on the scale of the image's values, [0, 1]; the default, 0.5, is mid-grey.

    Source: Lucid's `penalize_boundary_complexity`, which sums squares over a border of 20 pixels and adds the
    differences from the blurred image.
    """

    layer = IMAGE

    def __init__(self, width: float = 0.1, level: float = _GREY) -> None:
        self.width = check_number("width", width, above=0, most=0.5)
        super().__init__({"level": [np.float32(check_number("level", level))]}, ["boundary"])

    def score(self, activation: tf.Tensor, *, level: tf.Tensor) -> tf.Tensor:
        height, width, channels = activation.shape[1:]
        border = max(1, round(self.width * min(height, width)))
        weight = np.ones((height, width, 1), "float32")
        weight[border : height - border, border : width - border] = 0
        weight /= weight.sum() * channels
        return tf.reduce_sum(weight * tf.abs(activation - level[:, None, None, None]), (1, 2, 3))

    def get_config(self) -> dict[str, Any]:
        return {"width": self.width, "level": float(self.parameters["level"][0])}


@keras.saving.register_keras_serializable(package="maco_tf")
class BlurDifference(Term):
    """Mean squared difference between the image and a blurred copy of it, which has no gradient.

    With free pixels and gradient ascent, subtracting it blurs the image a little in every step. The methods CBR
    and Fourier have a setting that blurs the image itself between steps, `step_blur`. With MACO the penalty changes
    little, because the magnitude of the spectrum is fixed.

        Logit("pug") - 1000 * BlurDifference()

    The blurred copy is the weighted mean of a pixel, with weight 1, and its up to eight neighbours, with weight 0.5.

    Source: Lucid's `blur_input_each_step`, which is half the sum instead of the mean; Nguyen, Yosinski and Clune, 2015.
    """

    layer = IMAGE

    def __init__(self) -> None:
        super().__init__(names=["difference to blur"])

    def score(self, activation: tf.Tensor) -> tf.Tensor:
        blurred = (activation + _neighbourhood(activation)) / (1 + _neighbourhood(tf.ones_like(activation)))
        return tf.reduce_mean(tf.square(activation - tf.stop_gradient(blurred)), (1, 2, 3))

    def get_config(self) -> dict[str, Any]:
        return {}


def _neighbourhood(values: tf.Tensor) -> tf.Tensor:
    """The sum of every 3 x 3 pixels; pixels outside the image count as zero."""
    padded = tf.pad(values, [[0, 0], [1, 1], [1, 1], [0, 0]])
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]


def _of(layer: str | int) -> str:
    """The layer at the end of an objective's name; nothing for the image."""
    return "" if layer == IMAGE else f" of {layer}"


def _all_but_first(activation: tf.Tensor) -> list[int]:
    return list(range(1, len(activation.shape)))
