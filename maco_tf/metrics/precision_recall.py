"""Precision and recall: how much two sets of images overlap, by nearest neighbours in feature space."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from maco_tf.checks import check_integer
from maco_tf.metrics.feature_array import as_feature_pair

# As in the paper.
NEIGHBOURS = 3

# The number of distances in a block: 128 MiB in float64. Some three blocks are held at once.
_AT_ONCE = 2**24

# Squared distances come from norms and a product of matrices, whose rounding is below 1e-13 of the norms.
_ROUNDING = 1e-12


class PrecisionRecall(NamedTuple):
    """The overlap of two sets.

    Attributes:
        precision: fraction of the visualisations that lie among the real images, in [0, 1].
        recall: fraction of the real images that lie among the visualisations, in [0, 1].
    """

    precision: float
    recall: float


def precision_recall(features_a: ArrayLike, features_b: ArrayLike, *, neighbours: int = NEIGHBOURS) -> PrecisionRecall:
    """Improved precision and recall of a set of visualisations. Higher is better.

    Every image of a set is the centre of a ball that reaches to its `neighbours`-th nearest neighbour in the set. An
    image lies among a set if it lies in one of the set's balls. Precision says whether the visualisations look like
    real images, in feature space; recall, whether they are as varied as real images. One average image many times has
    a high precision and a low recall.

    Features are compared in blocks, so that memory beyond that of the features in float64 does not grow with the number
    of images. The time grows with the square of the number.

    Neither tells whether a single visualisation shows its class or explains the model. An outlier among the real images
    has a large ball, which accepts almost anything near it; and both values depend on the numbers of images, so compare
    methods by equal numbers.

    Args:
        features_a: array (count, dimensions), the visualisations, as `FeatureExtractor` returns it.
        features_b: array (other count, dimensions), the real images, from the same extractor.
        neighbours: the number of neighbours, at least 1; the paper uses 3.

    Returns:
        A `PrecisionRecall`, which unpacks into `precision, recall`.

    Raises:
        ValueError: the shapes do not fit, or a set has no more images than `neighbours`.

    Source: Kynkäänniemi et al., 2019, arXiv:1904.06991, equations 1 and 2.
    """
    neighbours = check_integer("neighbours", neighbours, 1)
    features_a, features_b = as_feature_pair(features_a, features_b, minimum=neighbours + 1)
    return overlap(features_a, features_b, squared_radii(features_b, neighbours), neighbours)


def squared_radii(features: np.ndarray, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """Squared distances from each row to its `neighbours`-th nearest other row.

    Args:
        features: array (count, dimensions), with more rows than `neighbours`.
        neighbours: integer of at least 1.

    Returns:
        Array (count,), float64.
    """
    features = np.asarray(features, "float64")
    radii = np.empty(len(features))
    for rows in _blocks(len(features), len(features)):
        distances = _squared_distances(features[rows], features)
        # Not its own neighbour; a copy of it is one, at distance 0.
        distances[np.arange(len(distances)), np.arange(len(features))[rows]] = np.inf
        distances.partition(neighbours - 1, axis=1)
        radii[rows] = distances[:, neighbours - 1]
    return radii


def overlap(
    features_a: np.ndarray, features_b: np.ndarray, radii_b: np.ndarray, neighbours: int = NEIGHBOURS
) -> PrecisionRecall:
    """`precision_recall` with the balls of the second set known, so that many sets can be compared with one.

    Args:
        features_a: array (count, dimensions).
        features_b: array (other count, dimensions).
        radii_b: the result of `squared_radii(features_b, neighbours)`.
        neighbours: integer of at least 1.

    Returns:
        A `PrecisionRecall`.
    """
    features_a, features_b = (np.asarray(rows, "float64") for rows in (features_a, features_b))
    radii_a = squared_radii(features_a, neighbours)
    covered_a, covered_b = np.empty(len(features_a), bool), np.zeros(len(features_b), bool)
    for rows in _blocks(len(features_a), len(features_b)):
        distances = _squared_distances(features_a[rows], features_b)
        covered_a[rows] = (distances <= radii_b).any(axis=1)
        covered_b |= (distances <= radii_a[rows, None]).any(axis=0)
    return PrecisionRecall(float(covered_a.mean()), float(covered_b.mean()))


def _blocks(count: int, columns: int) -> list[slice]:
    size = max(1, _AT_ONCE // columns)
    return [slice(start, start + size) for start in range(0, count, size)]


def _squared_distances(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Squared distances of all pairs, float64. Those that may be rounding errors are 0, as between copies."""
    norms_a, norms_b = (np.einsum("ij,ij->i", features, features) for features in (rows, columns))
    norms = norms_a[:, None] + norms_b
    distances = rows @ columns.T
    distances *= -2
    distances += norms
    distances[distances < _ROUNDING * norms] = 0.0
    return distances
