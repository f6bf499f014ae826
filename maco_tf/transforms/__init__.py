"""Transforms: from an image to the views of it that the model sees."""

from maco_tf.transforms.blur import GaussianBlur
from maco_tf.transforms.crop import RandomCrop
from maco_tf.transforms.distribution import Choice, Distribution, Normal, Uniform
from maco_tf.transforms.flip import RandomFlip
from maco_tf.transforms.jitter import Jitter
from maco_tf.transforms.noise import GaussianNoise, UniformNoise
from maco_tf.transforms.pad import Pad
from maco_tf.transforms.resize import RandomScale, Resize
from maco_tf.transforms.rotate import RandomRotate
from maco_tf.transforms.standard import lucid_standard, paper_standard
from maco_tf.transforms.transform import Repeat, Transform

__all__ = [
    "Choice",
    "Distribution",
    "GaussianBlur",
    "GaussianNoise",
    "Jitter",
    "Normal",
    "Pad",
    "RandomCrop",
    "RandomFlip",
    "RandomRotate",
    "RandomScale",
    "Repeat",
    "Resize",
    "Transform",
    "Uniform",
    "UniformNoise",
    "lucid_standard",
    "paper_standard",
]
