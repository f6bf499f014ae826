"""The kernel distance between two sets of images (KID)."""

import numpy as np

from maco_tf.metrics.feature_array import as_feature_pair

# Rows of the kernel matrix held at once.
_BLOCK = 1024


def kid(features_a, features_b):
    """Squared maximum mean discrepancy under the kernel (x.y / dimensions + 1)^3. Lower is better.

    Its expectation does not depend on the number of images, which makes it the better score for a few hundred. All
    pairs are used at once where the paper averages over random subsets, so that the result has less variance and needs
    no seed. Like `fid` it compares whole sets: it does not measure whether any single visualisation is good, shows its
    class, or explains the model.

    Args:
        features_a: array (count, dimensions), as `FeatureExtractor` gives.
        features_b: array (other count, dimensions), of the same extractor.

    Returns:
        float; the estimate is unbiased, so that for equal distributions it falls on either side of 0.

    Raises:
        ValueError: shapes that do not fit, or fewer than two images in a set.

    Source: Binkowski et al., 2018, arXiv:1801.01401, equation 4.
    """
    features_a, features_b = as_feature_pair(features_a, features_b, minimum=2)
    return KernelSums([features_a], [features_b]).kid([0])


class KernelSums:
    """The kernel summed over all pairs of groups, once, from which `kid` of any of the groups follows.

    Args:
        groups_a: list of arrays (count, dimensions), such as one a class.
        groups_b: likewise, as many.
        within_b: what `within` makes of `groups_b`, where it is known.
    """

    def __init__(self, groups_a, groups_b, within_b=None):
        self._sizes = [np.array([len(rows) for rows in groups]) for groups in (groups_a, groups_b)]
        self._within = [self.within(groups_a), self.within(groups_b) if within_b is None else within_b]
        self._between = _sums(groups_a, groups_b)

    @staticmethod
    def within(groups):
        """The kernel summed over pairs of two different rows: array (groups, groups)."""
        sums = _sums(groups, groups)
        for index, rows in enumerate(groups):
            rows = np.asarray(rows, "float64")
            sums[index, index] -= np.sum((np.sum(rows**2, axis=1) / rows.shape[1] + 1) ** 3)
        return sums

    def kid(self, positions):
        """`kid` of some groups of both sets.

        Args:
            positions: which, a list of integers.
        """
        positions = np.asarray(positions)
        chosen = np.ix_(positions, positions)
        count_a, count_b = (sizes[positions].sum() for sizes in self._sizes)
        within_a, within_b = (
            sums[chosen].sum() / (count * (count - 1)) for sums, count in zip(self._within, (count_a, count_b))
        )
        return float(within_a + within_b - 2 * self._between[chosen].sum() / (count_a * count_b))


def _sums(groups_a, groups_b):
    """The kernel summed over the pairs of every two groups: array (groups of a, groups of b)."""
    rows_b = np.asarray(np.concatenate(groups_b), "float64")
    starts = np.cumsum([0, *(len(rows) for rows in groups_b)])[:-1]
    sums = np.zeros((len(groups_a), len(groups_b)))
    for index, rows in enumerate(groups_a):
        rows = np.asarray(rows, "float64")
        for start in range(0, len(rows), _BLOCK):
            kernel = (rows[start : start + _BLOCK] @ rows_b.T / rows.shape[1] + 1) ** 3
            sums[index] += np.add.reduceat(kernel.sum(axis=0), starts)
    return sums
