"""Objectives that compare an image with another one, inside the network."""

import abc

import numpy as np

from maco_tf.models.images import as_images, check_channels, fit_images
from maco_tf.objectives.objective import Term


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
