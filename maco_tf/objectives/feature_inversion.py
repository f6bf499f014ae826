"""Objectives that compare an image with a reference image, such as feature inversion."""

import abc
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_choice, check_number
from maco_tf.images import Images, as_images, check_channels, fit_images
from maco_tf.models.activations import IMAGE
from maco_tf.objectives.direction import LEAST_COSINE
from maco_tf.objectives.term import Term


class ReferenceTerm(Term, abc.ABC):
    """A score that compares every view with the same view of a reference image.

    In every step the reference passes through the transforms with the random numbers of the optimised image, so a crop
    is compared with the same crop under the same noise. The exception is a transform that is a plain callable and draws
    random numbers without Keras's seed generators: it draws other numbers for the reference. `score` receives the
    layer's activation on the reference as `reference`, a tensor of the activation's shape without a gradient.

    Args:
        layer: name, path or index of the layer.
        images: the references, (batch, height, width, channels), or one of shape (height, width, channels); integers
            in [0, 255] or floating-point values in [0, 1]. Or paths, images of Pillow, or a list of images of different
            sizes, see `ImageSet`. If their size differs from that of the optimised image, their centre is resized to
            it.
        parameters: dictionary, name -> number; see `Term`. Every image gets the same numbers.
        names: list of names for the results.
    """

    def __init__(
        self,
        layer: str | int,
        images: Images,
        parameters: Mapping[str, float] | None = None,
        names: Iterable[str] | None = None,
    ) -> None:
        self.layer = layer
        images = as_images("images", images)
        if names is None:
            names = [f"{layer} of image {index}" for index in range(len(images))]
        repeated = {name: np.full(len(images), value, "float32") for name, value in (parameters or {}).items()}
        super().__init__({"image": images, **repeated}, names)

    def fitted(self, image_shape: tuple[int, int, int]) -> Term:
        images = self.parameters["image"]
        check_channels("images", images, image_shape[-1])
        return self._with_parameters({**self.parameters, "image": fit_images(images, image_shape[:2])})


@keras.saving.register_keras_serializable(package="maco_tf")
class FeatureInversion(ReferenceTerm):
    """Similarity between a layer's activations on the image and on a reference image.

        explanation = visualizer.explain(FeatureInversion("block3b_add", photograph))

    The whole activation is compared: every position with the same position of the reference.

    Args:
        layer: name, path or index of the layer.
        images: the references, (batch, height, width, channels), or one of shape (height, width, channels); integers
            in [0, 255] or floating-point values in [0, 1]. Or paths, images of Pillow, or a list of images of different
            sizes, see `ImageSet`. If their size differs from that of the optimised image, their centre is resized to
            it.
        measure: with a the activation and r that of the reference: "cosine" is a.r / (|a| |r|), in [-1, 1]; "dot" is
            a.r / |r|^2 times a power of the cosine, which rewards strong activations; "l2" is -|a - r|^2 / |r|^2, at
            most 0.
        cosine_power: exponent of the cosine in the measure "dot", at least 0; `None` is 2. The cosine is at least 0.1,
            as in `Direction`.
        names: list of names for the results.

    Source: Fel et al., 2023 (arXiv:2306.06805), section on feature inversion and figure 5; Mahendran and Vedaldi, 2015,
    for "l2"; Lucid's `dot_compare` for "dot".
    """

    # The power is a parameter, so another value needs no new trace.
    _untraced = ReferenceTerm._untraced | {"cosine_power"}

    def __init__(
        self,
        layer: str | int,
        images: Images,
        *,
        measure: str = "cosine",
        cosine_power: float | None = None,
        names: Iterable[str] | None = None,
    ) -> None:
        self.measure = check_choice("measure", measure, ("cosine", "dot", "l2"))
        if cosine_power is not None:
            if measure != "dot":
                raise ValueError(
                    f'"cosine_power" must be left out unless "measure" is "dot". Received: {cosine_power!r} for the '
                    f"measure {measure!r}."
                )
            cosine_power = check_number("cosine_power", cosine_power, least=0)
        self.cosine_power = cosine_power
        power = 2.0 if cosine_power is None else cosine_power
        super().__init__(layer, images, {"power": power} if measure == "dot" else None, names)

    def score(self, activation: tf.Tensor, *, reference: tf.Tensor, power: tf.Tensor | None = None) -> tf.Tensor:
        rows, wanted = (tf.reshape(values, (values.shape[0], -1)) for values in (activation, reference))
        # The bound avoids a division by zero where the reference is zero everywhere, as in a dead layer.
        norm = tf.maximum(tf.reduce_sum(tf.square(wanted), axis=-1), 1e-12)
        if self.measure == "l2":
            return -tf.reduce_sum(tf.square(rows - wanted), axis=-1) / norm
        cosine = tf.reduce_sum(tf.nn.l2_normalize(rows, -1) * tf.nn.l2_normalize(wanted, -1), axis=-1)
        if self.measure == "cosine":
            return cosine
        dot = tf.reduce_sum(rows * wanted, axis=-1) / norm
        return dot * tf.maximum(cosine, LEAST_COSINE) ** power

    def get_config(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "images": self.parameters["image"].tolist(),
            "measure": self.measure,
            "cosine_power": self.cosine_power,
            "names": self.names,
        }


@keras.saving.register_keras_serializable(package="maco_tf")
class ImageDifference(ReferenceTerm):
    """Distance between the pixels of the optimised image and those of a reference image.

    Subtract it to keep the image close to a photograph:

        explanation = visualizer.explain(Logit("tiger") - 2000 * ImageDifference(photograph), start=photograph)

    The images themselves are compared, not their views. To compare activations, see `FeatureInversion` and
    `accentuate`.

    Args:
        images: the references, as for `FeatureInversion`; one image, or a batch of objectives.
        measure: with d the differences of the pixels, in [-1, 1]: "squared" is the mean of d^2, "absolute" the mean of
            |d|, and "root" the square root of the mean of d^2.
        names: list of names for the results.

    Source: Lucid's `input_diff` for "root".
    """

    def __init__(self, images: Images, *, measure: str = "squared", names: Iterable[str] | None = None) -> None:
        self.measure = check_choice("measure", measure, ("squared", "absolute", "root"))
        array = as_images("images", images)
        defaults = [f"difference to image {index}" for index in range(len(array))]
        super().__init__(IMAGE, array, names=defaults if names is None else names)

    def score(self, activation: tf.Tensor, *, reference: tf.Tensor) -> tf.Tensor:
        differences = activation - reference
        if self.measure == "absolute":
            return tf.reduce_mean(tf.abs(differences), (1, 2, 3))
        squares = tf.reduce_mean(tf.square(differences), (1, 2, 3))
        # The root has no gradient at 0, where a run may start.
        return tf.sqrt(squares + 1e-12) if self.measure == "root" else squares

    def get_config(self) -> dict[str, Any]:
        return {"images": self.parameters["image"].tolist(), "measure": self.measure, "names": self.names}
