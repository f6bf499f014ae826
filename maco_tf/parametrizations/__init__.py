"""Free variables to images."""

from maco_tf.parametrizations.complex_spectrum import FourierParametrization
from maco_tf.parametrizations.parametrization import Parametrization, normal_start
from maco_tf.parametrizations.phase import PhaseParametrization
from maco_tf.parametrizations.pixels import PixelParametrization

__all__ = ["FourierParametrization", "Parametrization", "PhaseParametrization", "PixelParametrization", "normal_start"]
