"""Natural images that activate units, streamed from any number of them.

find_exemplars  model, units, images -> Exemplars
Exemplars       the images at both ends of each unit, and statistics over all images
ImageSource     a set of images that can be streamed and read again
summarize_units the classes, the histogram and the sparsity of each unit
study           all of it for one unit, on one page -> Study
name_units      names of units, by the user's embeddings of images and words
find_patches    model, objective, images -> Patches: where in the images a unit responds
receptive_field model, layer -> ReceptiveField: which pixels each position of a layer sees
measure_statistics the distribution of activations, as a prior of images -> LayerStatistics
embed_exemplars the embeddings of exemplars, for the scores of interpretability in maco_tf.metrics
"""

from maco_tf.exemplars.embeddings import embed_exemplars
from maco_tf.exemplars.fields.receptive_field import ReceptiveField, receptive_field
from maco_tf.exemplars.measured_statistics import measure_statistics
from maco_tf.exemplars.naming import UnitNames, name_units
from maco_tf.exemplars.objective_scores import score_natural_images
from maco_tf.exemplars.patches import Patches, find_patches
from maco_tf.exemplars.result import Exemplars
from maco_tf.exemplars.search import find_exemplars
from maco_tf.exemplars.source import ImageSource
from maco_tf.exemplars.summary import UnitClass, UnitSummary, summarize_units
from maco_tf.exemplars.unit_study import Study, study

__all__ = [
    "Exemplars",
    "ImageSource",
    "Patches",
    "ReceptiveField",
    "Study",
    "UnitClass",
    "UnitNames",
    "UnitSummary",
    "embed_exemplars",
    "find_exemplars",
    "find_patches",
    "measure_statistics",
    "name_units",
    "receptive_field",
    "score_natural_images",
    "study",
    "summarize_units",
]
