"""Image to the views that the model sees."""

from maco_tf.transforms.crop import RandomCrop
from maco_tf.transforms.distribution import Normal, Uniform
from maco_tf.transforms.noise import GaussianNoise, UniformNoise
from maco_tf.transforms.transform import Transform, apply_transforms

__all__ = ["GaussianNoise", "Normal", "RandomCrop", "Transform", "Uniform", "UniformNoise", "apply_transforms"]
