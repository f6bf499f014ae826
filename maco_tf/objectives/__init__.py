"""Activations to scores, and the algebra of scores."""

from maco_tf.objectives.channel import Channel
from maco_tf.objectives.direction import Direction
from maco_tf.objectives.feature_inversion import FeatureInversion
from maco_tf.objectives.image_terms import L1, L2, TotalVariation
from maco_tf.objectives.interpolate import interpolate
from maco_tf.objectives.joint import Alignment, Diversity, JointTerm
from maco_tf.objectives.layer import Layer
from maco_tf.objectives.logit import Logit
from maco_tf.objectives.neuron import Neuron
from maco_tf.objectives.objective import Objective, Term
from maco_tf.objectives.parse import parse_objective
from maco_tf.objectives.product import product
from maco_tf.objectives.reference import ReferenceTerm
from maco_tf.objectives.sum import Sum

__all__ = [
    "L1",
    "L2",
    "Alignment",
    "Channel",
    "Direction",
    "Diversity",
    "FeatureInversion",
    "JointTerm",
    "Layer",
    "Logit",
    "Neuron",
    "Objective",
    "ReferenceTerm",
    "Sum",
    "Term",
    "TotalVariation",
    "interpolate",
    "parse_objective",
    "product",
]
