"""`MacoVisualizer(model).explain(objective)` and its result."""

from maco_tf.visualizers.explanation import Explanation
from maco_tf.visualizers.maco import MacoVisualizer
from maco_tf.visualizers.visualizer import Visualizer

__all__ = ["Explanation", "MacoVisualizer", "Visualizer"]
