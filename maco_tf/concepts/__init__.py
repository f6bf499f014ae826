"""Concepts of a network, from CRAFT or any dictionary of directions, as objectives and as images."""

from maco_tf.concepts.bank import Concept, ConceptBank
from maco_tf.concepts.craft import craft
from maco_tf.concepts.visualize import ConceptExplanation, explain_class, explain_concepts

__all__ = ["Concept", "ConceptBank", "ConceptExplanation", "craft", "explain_class", "explain_concepts"]
