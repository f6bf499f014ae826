"""The paper's comparison on any networks: models x methods x classes to images, scores and tables.

BenchmarkSettings -> generate (METHODS -> ImageStore) -> Scorer (Networks -> Score) -> results
results -> compare_best, ratios -> markdown, draw_scores
"""

from maco_tf.benchmark.methods import METHODS
from maco_tf.benchmark.run import run_benchmark
from maco_tf.benchmark.settings import BenchmarkSettings

__all__ = ["METHODS", "BenchmarkSettings", "run_benchmark"]
