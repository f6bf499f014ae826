"""`MacoVisualizer(model).explain(objective)` and its result, with two baselines."""

from maco_tf.visualizers.accentuate import accentuate
from maco_tf.visualizers.cbr import CBRVisualizer
from maco_tf.visualizers.explanation import Explanation
from maco_tf.visualizers.fourier import FourierVisualizer
from maco_tf.visualizers.maco import MacoVisualizer
from maco_tf.visualizers.recording import LivePreview, Recording
from maco_tf.visualizers.registry import find_method, methods
from maco_tf.visualizers.shared_settings import Settings
from maco_tf.visualizers.visualizer import Visualizer

__all__ = [
    "CBRVisualizer",
    "Explanation",
    "FourierVisualizer",
    "LivePreview",
    "MacoVisualizer",
    "Recording",
    "Settings",
    "Visualizer",
    "accentuate",
    "find_method",
    "methods",
]
