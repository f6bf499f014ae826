"""Concepts of a network as objectives and as images: CRAFT's, or any dictionary of directions."""

from maco_tf.concepts.bank import Concept, ConceptBank
from maco_tf.concepts.craft import craft
from maco_tf.concepts.visualize import ConceptExplanation, explain_class, explain_concepts

__all__ = ["Concept", "ConceptBank", "ConceptExplanation", "craft", "explain_class", "explain_concepts"]
