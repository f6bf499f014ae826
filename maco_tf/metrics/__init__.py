"""Scores of finished visualisations: images in, numbers out.

    images -> ImageSet -> FeatureExtractor -> plausibility, fid, fid_infinity, kid, precision_recall, diversity,
                                           clarity, redundancy, polysemanticity, two_alternative
                       -> classify         -> transferability, agreement, robustness
                       -> power_spectrum   -> spectrum_deviation, high_frequency_fraction

The documentation of every score says what it does not measure. No score shows that a visualisation explains its model:
see section 6 of the paper and Geirhos et al., 2023 (arXiv:2306.04719), who make visualisations show anything at all
while the network goes on computing what it did before.

To add a score, write one file with one function (`diversity.py` is a model), export it below, and write one test file
of the same name.
"""

from maco_tf.images.image_set import ImageSet
from maco_tf.metrics.classifiers import ClassifierScores, agreement, classify, transferability
from maco_tf.metrics.diversity import diversity
from maco_tf.metrics.feature_extractor import FeatureExtractor, inception_v3
from maco_tf.metrics.fit import fit_image
from maco_tf.metrics.frechet import fid, fid_infinity, frechet_distance
from maco_tf.metrics.interpretability import clarity, polysemanticity, redundancy
from maco_tf.metrics.kernel_distance import kid
from maco_tf.metrics.plausibility import plausibility
from maco_tf.metrics.power_spectrum import PowerSpectrum, high_frequency_fraction, power_spectrum, spectrum_deviation
from maco_tf.metrics.precision_recall import PrecisionRecall, precision_recall
from maco_tf.metrics.query_pairs import QueryPairs, draw_pairs
from maco_tf.metrics.robustness import robustness
from maco_tf.metrics.two_alternative import CHANCE, TwoAlternative, two_alternative, two_alternative_images

__all__ = [
    "CHANCE",
    "ClassifierScores",
    "FeatureExtractor",
    "ImageSet",
    "PowerSpectrum",
    "PrecisionRecall",
    "QueryPairs",
    "TwoAlternative",
    "agreement",
    "clarity",
    "classify",
    "diversity",
    "draw_pairs",
    "fid",
    "fid_infinity",
    "fit_image",
    "frechet_distance",
    "high_frequency_fraction",
    "inception_v3",
    "kid",
    "plausibility",
    "polysemanticity",
    "power_spectrum",
    "precision_recall",
    "redundancy",
    "robustness",
    "spectrum_deviation",
    "transferability",
    "two_alternative",
    "two_alternative_images",
]
