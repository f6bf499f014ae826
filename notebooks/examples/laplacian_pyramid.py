"""A method of your own in one file: the image is a sum of levels, each half as large as the one before.

    from laplacian_pyramid import PyramidVisualizer
    PyramidVisualizer(model).explain(Logit("pug"))

    maco-tf explain --import laplacian_pyramid.py --method Pyramid --model squeezenet --objective logit:pug --output pug

Source: Lucid's `laplacian_pyramid` (Olah et al., 2017, "Feature Visualization").
"""

import dataclasses

import tensorflow as tf

from maco_tf.checks import check_integer
from maco_tf.parametrizations import Parametrization, normal_start
from maco_tf.spectrum import to_image
from maco_tf.visualizers import Visualizer


class PyramidParametrization(Parametrization):
    """Images `to_image(sum of the enlarged levels)` with free levels."""

    def __init__(self, image_shape, batch_size=1, *, levels=4, std=0.1):
        super().__init__(image_shape, batch_size)
        self.levels, self.std = check_integer("levels", levels, 1, 8), std

    def initialize(self, seed):
        height, width, channels = self.image_shape
        sizes = [(-(-height // 2**level), -(-width // 2**level)) for level in range(self.levels)]
        return [
            normal_start(seed + level, self.batch_size, (*size, channels), self.std) for level, size in enumerate(sizes)
        ]

    def image(self, variables):
        enlarged = [tf.image.resize(level, self.image_shape[:2]) for level in variables]
        return to_image(tf.add_n(enlarged))


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PyramidVisualizer(Visualizer):
    """Feature visualisation with a Laplacian pyramid; it takes all shared settings and these two."""

    levels: int | None = None  # Number of levels, 1 to 8.
    std: float = 0.1  # Standard deviation of the starting levels before the sigmoid.

    method = "Pyramid"
    recipes = {"default": {"levels": 4, "learning_rate": 0.05}, "coarse": {"levels": 6, "steps": 64}}

    def parametrization(self, batch_size):
        return PyramidParametrization(self.image_shape, batch_size, levels=self.levels, std=self.std)
