"""Free variables to images."""

from maco_tf.parametrizations.parametrization import Parametrization
from maco_tf.parametrizations.phase import PhaseParametrization

__all__ = ["Parametrization", "PhaseParametrization"]
