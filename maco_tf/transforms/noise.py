"""Additive noise."""

import keras

from maco_tf.transforms.schedule import check_amount, evaluate
from maco_tf.transforms.transform import Transform


class GaussianNoise(Transform):
    """Add independent normal noise to every value.

    Args:
        std: standard deviation, in units of the image's range [0, 1]; a number or any other schedule.
    """

    def __init__(self, std=0.08):
        super().__init__()
        check_amount("std", std)
        self.std = std

    def __call__(self, images, step=0, steps=1):
        noise = keras.random.normal(images.shape, dtype="float32", seed=self.seed_generator)
        return images + evaluate(self.std, step, steps) * noise

    def __repr__(self):
        return f"GaussianNoise(std={self.std!r})"


class UniformNoise(Transform):
    """Add independent uniform noise to every value.

    Args:
        amplitude: noise lies in (-amplitude, amplitude), in units of the image's range [0, 1]; a number or
            any other schedule.
    """

    def __init__(self, amplitude=0.1):
        super().__init__()
        check_amount("amplitude", amplitude)
        self.amplitude = amplitude

    def __call__(self, images, step=0, steps=1):
        noise = keras.random.uniform(images.shape, -1.0, 1.0, "float32", seed=self.seed_generator)
        return images + evaluate(self.amplitude, step, steps) * noise

    def __repr__(self):
        return f"UniformNoise(amplitude={self.amplitude!r})"
