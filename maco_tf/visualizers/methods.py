"""The visualizers by the name that figures and commands give them."""

from maco_tf.visualizers.cbr import CBRVisualizer
from maco_tf.visualizers.fourier import FourierVisualizer
from maco_tf.visualizers.maco import MacoVisualizer

VISUALIZERS = {"MACO": MacoVisualizer, "Fourier": FourierVisualizer, "CBR": CBRVisualizer}
