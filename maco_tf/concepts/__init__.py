"""Concepts of a network as objectives and as images: CRAFT's, or any dictionary of directions."""

from maco_tf.concepts.bank import ConceptBank
from maco_tf.concepts.concept import Concept
from maco_tf.concepts.craft import craft
from maco_tf.concepts.explain import explain_class, explain_concepts
from maco_tf.concepts.explanation import ConceptExplanation

__all__ = ["Concept", "ConceptBank", "ConceptExplanation", "craft", "explain_class", "explain_concepts"]
