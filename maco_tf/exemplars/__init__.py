"""Natural images that activate units, streamed from any number of them.

find_exemplars  model, units, images -> Exemplars
Exemplars       the images at both ends of each unit, and statistics over all images
ImageSource     a set of images that can be streamed and read again
"""

from maco_tf.exemplars.objective_scores import score_natural_images
from maco_tf.exemplars.result import Exemplars
from maco_tf.exemplars.search import find_exemplars
from maco_tf.exemplars.source import ImageSource

__all__ = ["Exemplars", "ImageSource", "find_exemplars", "score_natural_images"]
