"""FeatureInversion: what of an image a layer keeps."""

import abc

import keras
import numpy as np
import tensorflow as tf

from maco_tf.models.images import as_images, check_channels, fit_images
from maco_tf.objectives.direction import check_cosine_power
from maco_tf.objectives.term import Term


class ReferenceTerm(Term, abc.ABC):
    """A score of each view against the same view of a reference image.

    In every step the reference goes through the transforms with the random numbers of the image that is optimised,
    so that crop is compared with the same crop, under the same noise; a user's callable that draws numbers from
    elsewhere than Keras's seed generators draws others for it. `score` gets what the layer makes of it as
    `reference`, a tensor of the activation's shape that has no gradient.

    Args:
        layer: name, path or index of the layer.
        images: the references, (batch, height, width, channels) or one (height, width, channels); integers up to 255
            or numbers in [0, 1]. Where their size is not that of the optimised image, their centre is resized to it.
        parameters: see `Term`.
        names: list of strings, or `None`.
    """

    def __init__(self, layer, images, parameters=None, names=None):
        self.layer = layer
        images = as_images("images", images)
        if names is None:
            names = [f"{layer} of image {index}" for index in range(len(images))]
        repeated = {name: np.full(len(images), value, "float32") for name, value in (parameters or {}).items()}
        super().__init__({"image": images, **repeated}, names)

    def fitted(self, image_shape):
        images = self.parameters["image"]
        check_channels("images", images, image_shape[-1])
        return self._with_parameters({**self.parameters, "image": fit_images(images, image_shape[:2])})


_MEASURES = ("cosine", "dot", "l2")


@keras.saving.register_keras_serializable(package="maco_tf")
class FeatureInversion(ReferenceTerm):
    """Likeness between a layer's activations and those of a reference image.

        explanation = visualizer.explain(FeatureInversion("block3b_add", photograph))

    The whole activation is compared, every position with the same position of the reference.

    Args:
        layer: name, path or index of the layer.
        images: the references, (batch, height, width, channels) or one (height, width, channels); integers up to 255
            or numbers in [0, 1]. Where their size is not that of the optimised image, their centre is resized to it.
        measure: with a the activation and r the reference's, "cosine", a.r / (|a| |r|), in [-1, 1]; "dot",
            a.r / |r|^2 times a power of the cosine, so that strong activations count; or "l2", -|a - r|^2 / |r|^2,
            which is 0 at best.
        cosine_power: of "dot", 0 or more; `None` is 2. The cosine is kept above 0.1, as in `Direction`.
        names: list of names for the results.

    Source: Fel et al., 2023 (arXiv:2306.06805), section on feature inversion and figure 5; Mahendran and Vedaldi, 2015,
    for "l2"; Lucid's `dot_compare` for "dot".
    """

    # See `Direction`.
    _LEAST_COSINE = 0.1

    def __init__(self, layer, images, *, measure="cosine", cosine_power=None, names=None):
        if measure not in _MEASURES:
            raise ValueError(f'"measure" must be one of {", ".join(map(repr, _MEASURES))}. Received: {measure!r}.')
        if cosine_power is not None and measure != "dot":
            raise ValueError(
                f'"cosine_power" belongs to the measure "dot". Received: {cosine_power!r} for {measure!r}.'
            )
        self.measure, self.cosine_power = measure, cosine_power
        power = 2.0 if cosine_power is None else cosine_power
        check_cosine_power(power)
        super().__init__(layer, images, {"power": power} if measure == "dot" else None, names)

    def structure(self):
        return (*super().structure(), self.measure)

    def score(self, activation, *, reference, power=None):
        rows, wanted = (tf.reshape(values, (values.shape[0], -1)) for values in (activation, reference))
        # A reference that is zero everywhere, as in a dead layer, is no division by zero.
        norm = tf.maximum(tf.reduce_sum(tf.square(wanted), axis=-1), 1e-12)
        if self.measure == "l2":
            return -tf.reduce_sum(tf.square(rows - wanted), axis=-1) / norm
        cosine = tf.reduce_sum(tf.nn.l2_normalize(rows, -1) * tf.nn.l2_normalize(wanted, -1), axis=-1)
        if self.measure == "cosine":
            return cosine
        dot = tf.reduce_sum(rows * wanted, axis=-1) / norm
        return dot * tf.maximum(cosine, self._LEAST_COSINE) ** power

    def get_config(self):
        return {
            "layer": self.layer,
            "images": self.parameters["image"].tolist(),
            "measure": self.measure,
            "cosine_power": self.cosine_power,
            "names": self.names,
        }
