"""Objectives: from activations to scores, and the algebra of scores."""

from maco_tf.objectives.batch_norm_statistics import BatchNormStatistics
from maco_tf.objectives.channel import Channel, Layer
from maco_tf.objectives.combinations import interpolate, product
from maco_tf.objectives.direction import Direction
from maco_tf.objectives.feature_inversion import FeatureInversion, ImageDifference, ReferenceTerm
from maco_tf.objectives.from_xplique import from_xplique
from maco_tf.objectives.joint import Alignment, Diversity, JointTerm
from maco_tf.objectives.lambda_term import Lambda
from maco_tf.objectives.layer_statistics import LayerStatistics
from maco_tf.objectives.layer_table import LayerEntry, layers
from maco_tf.objectives.logit import Logit
from maco_tf.objectives.multi_layer import MultiLayerTerm
from maco_tf.objectives.natural_statistics import NaturalStatistics
from maco_tf.objectives.neuron import Neuron
from maco_tf.objectives.objective import Objective, Sum
from maco_tf.objectives.parse import parse_objective
from maco_tf.objectives.penalties import L1, L2, BlurDifference, Boundary, Norm, TotalVariation
from maco_tf.objectives.term import Term

__all__ = [
    "L1",
    "L2",
    "Alignment",
    "BatchNormStatistics",
    "BlurDifference",
    "Boundary",
    "Channel",
    "Direction",
    "Diversity",
    "FeatureInversion",
    "ImageDifference",
    "JointTerm",
    "Lambda",
    "Layer",
    "LayerEntry",
    "LayerStatistics",
    "Logit",
    "MultiLayerTerm",
    "NaturalStatistics",
    "Neuron",
    "Norm",
    "Objective",
    "ReferenceTerm",
    "Sum",
    "Term",
    "TotalVariation",
    "from_xplique",
    "interpolate",
    "layers",
    "parse_objective",
    "product",
]
