"""Models x methods x classes to images, scores, tables: the paper's comparison on any networks."""

from maco_tf.benchmark.methods import METHODS
from maco_tf.benchmark.run import run_benchmark
from maco_tf.benchmark.settings import BenchmarkSettings

__all__ = ["METHODS", "BenchmarkSettings", "run_benchmark"]
