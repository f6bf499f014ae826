"""Scores of a unit's exemplars, by their embeddings: does the unit stand for one thing, for several, or for another's?

The formulas are those of SemanticLens. They compare embeddings only, so all of them depend on the network that
embeds the images: what it does not tell apart counts as the same.
"""

import numpy as np
from numpy.typing import ArrayLike

from maco_tf.checks import check_integer
from maco_tf.metrics.feature_array import as_unit_features, unit_rows

# SemanticLens's: the number of starts of k-means, and of the exemplars that a unit of one cluster is compared by.
_STARTS = 10
_COMPARED = 10

# Number of similarities in a block of `redundancy`: 128 MiB in float64.
_AT_ONCE = 2**24


def clarity(embeddings: ArrayLike) -> np.ndarray:
    """How alike the exemplars of each unit are: the mean cosine similarity of all pairs. Higher is clearer.

    It does not measure whether the unit responds to what the exemplars share: a unit that responds to a texture has a
    low clarity in an embedding that knows objects only, and the images of a data set of one class are alike whatever
    the unit does. Exemplars show where the unit is highest; nothing is said about the rest of its range. Values of
    different embeddings, and of whole images and patches, cannot be compared.

    Args:
        embeddings: array (units, count, dimensions): the embeddings of the exemplars, such as `embed_exemplars`
            returns. A row of NaN stands for an exemplar that a unit lacks.

    Returns:
        Array (units,), float64 in [-1 / (count - 1), 1]: 1 for copies of one image, 0 for orthogonal embeddings. NaN
        for a unit with fewer than two exemplars.

    Raises:
        ValueError: another shape, or a row of zeros.

    Source: "clarity" of Dreyer et al., 2025, "Mechanistic understanding and validation of large AI models with
        SemanticLens", arXiv:2501.05398, and `clarity_score` of its code.
    """
    return _clarity(as_unit_features("embeddings", embeddings))


def redundancy(embeddings: ArrayLike) -> np.ndarray:
    """How near each unit has another one: the highest cosine similarity of its mean embedding to another unit's.

    It does not measure whether two units compute the same: units with the same exemplars can differ on all other
    images, and two units for "dog" are near each other although they tell different breeds apart. Means of many
    varied exemplars are near each other, so unclear units look redundant, and the value grows with the number of units
    that are compared. Compare layers by equal numbers of units.

    Args:
        embeddings: array (units, count, dimensions), at least two units; see `clarity`.

    Returns:
        Array (units,), float64 in [-1, 1]: 1 for a unit with a duplicate. NaN for a unit without exemplars. The mean
        over the units is the score of a layer in the paper.

    Raises:
        ValueError: fewer than two units, another shape, or a unit whose embeddings have the mean zero.

    Source: "redundancy" of Dreyer et al., 2025, arXiv:2501.05398, and `redundancy_score` of its code.
    """
    embeddings = as_unit_features("embeddings", embeddings)
    if len(embeddings) < 2:
        raise ValueError('"embeddings" must have at least 2 units. Received: 1.')
    result = np.full(len(embeddings), np.nan)
    (known,) = np.nonzero(_counts(embeddings))
    means = unit_rows("embeddings", np.nanmean(embeddings[known], axis=1))
    if len(known) < 2:
        return result
    size = max(1, _AT_ONCE // len(means))
    for start in range(0, len(means), size):
        similarities = means[start : start + size] @ means.T
        np.fill_diagonal(similarities[:, start:], -np.inf)
        result[known[start : start + size]] = similarities.max(axis=1)
    return np.clip(result, -1, 1)


def polysemanticity(embeddings: ArrayLike, *, seed: int = 0) -> np.ndarray:
    """How different the two kinds of exemplars of each unit are: 1 minus the cosine of the centres of two clusters.

    The clusters are those of k-means. If one of them has a single exemplar, or there are no two, the unit counts as one
    of one kind: its score is 1 minus the mean cosine of its exemplars to their mean, over the first ten of them.

    It does not measure how many things a unit responds to: three kinds fall into two clusters, and any varied set can
    be cut in two, so that a unit of low `clarity` has a high score without a second meaning. Few exemplars show the
    strongest kind only. With fewer than four exemplars, there are no two clusters.

    Args:
        embeddings: array (units, count, dimensions); see `clarity`.
        seed: integer of at least 0, for the starts of k-means.

    Returns:
        Array (units,), float64 in [0, 2]: 0 for copies of one image, 1 for two orthogonal kinds. NaN for a unit with
        fewer than two exemplars.

    Raises:
        ValueError: another shape, or an embedding or centre of zeros.

    Source: "polysemanticity" of Dreyer et al., 2025, arXiv:2501.05398, and `polysemanticity_score` of its code.
    """
    embeddings, seed = as_unit_features("embeddings", embeddings), check_integer("seed", seed, 0, 2**32 - 1)
    result = np.full(len(embeddings), np.nan)
    for unit, (rows, count) in enumerate(zip(embeddings, _counts(embeddings), strict=True)):
        if count >= 2:
            rows = rows[~np.isnan(rows[:, 0])]
            pairs = _centres(rows, seed)
            if pairs is None:
                compared = rows[:_COMPARED]
                pairs = np.stack([np.broadcast_to(rows.mean(axis=0), compared.shape), compared], axis=1)
            # The clarity of two vectors is their cosine.
            result[unit] = 1 - _clarity(pairs).mean()
    return np.clip(result, 0, 2)


def _clarity(embeddings: np.ndarray) -> np.ndarray:
    counts = _counts(embeddings)
    total = np.nansum(unit_rows("embeddings", embeddings), axis=1)
    # |sum of unit vectors|^2 is the sum of the cosines of all pairs, including every image paired with itself.
    cosines = np.einsum("ij,ij->i", total, total) - counts
    pairs = counts * (counts - 1)
    return np.where(pairs > 0, np.clip(cosines / np.maximum(pairs, 1), -1, 1), np.nan)


def _counts(embeddings: np.ndarray) -> np.ndarray:
    """The number of exemplars that each unit has."""
    return np.sum(~np.isnan(embeddings[:, :, 0]), axis=1)


def _centres(rows: np.ndarray, seed: int) -> np.ndarray | None:
    """The centres of two clusters, (1, 2, dimensions); `None` if either has fewer than two rows."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    if len(np.unique(rows, axis=0)) < 2:
        return None
    # On so few rows, threads take many times as long as they save.
    with threadpool_limits(1):
        clusters = KMeans(n_clusters=2, n_init=_STARTS, random_state=seed).fit(rows)
    sizes = np.bincount(clusters.labels_, minlength=2)
    return clusters.cluster_centers_[None] if sizes.min() >= 2 else None
