"""The kernel distance between two sets of images (KID)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from maco_tf.metrics.feature_array import as_feature_pair

# The number of rows of the kernel matrix held in memory at once.
_BLOCK = 1024


def kid(features_a: ArrayLike, features_b: ArrayLike) -> float:
    """Squared maximum mean discrepancy under the kernel (x.y / dimensions + 1)^3. Lower is better.

    Its expectation does not depend on the number of images, so prefer it to `fid` for a few hundred images. The paper
    averages over random subsets; this implementation uses all pairs at once, which has less variance and needs no seed.
    Like `fid`, it compares whole sets: it does not measure whether a single visualisation is good, shows its class or
    explains the model.

    Args:
        features_a: array (count, dimensions), as `FeatureExtractor` returns it.
        features_b: array (other count, dimensions), from the same extractor.

    Returns:
        float. The estimate is unbiased, so it scatters around 0 for sets of equal distributions and may be negative.

    Raises:
        ValueError: the shapes do not fit, or a set has fewer than two images.

    Source: Binkowski et al., 2018, arXiv:1801.01401, equation 4.
    """
    features_a, features_b = as_feature_pair(features_a, features_b, minimum=2)
    return KernelSums([features_a], [features_b]).kid([0])


class KernelSums:
    """Sums of the kernel over all pairs of groups of images, from which `kid` of any choice of groups follows at once.

    Args:
        groups_a: list of arrays (count, dimensions), such as one for each class.
        groups_b: list of as many arrays.
        within_b: the result of `within(groups_b)`; `None` computes it.
    """

    def __init__(
        self, groups_a: Sequence[np.ndarray], groups_b: Sequence[np.ndarray], within_b: np.ndarray | None = None
    ) -> None:
        self._sizes = [np.array([len(rows) for rows in groups]) for groups in (groups_a, groups_b)]
        self._within = [self.within(groups_a), self.within(groups_b) if within_b is None else within_b]
        self._between = _sums(groups_a, groups_b)

    @staticmethod
    def within(groups: Sequence[np.ndarray]) -> np.ndarray:
        """Sum the kernel over all pairs of different rows.

        Args:
            groups: list of arrays (count, dimensions).

        Returns:
            Array (groups, groups), float64.
        """
        sums = _sums(groups, groups)
        for index, rows in enumerate(groups):
            rows = np.asarray(rows, "float64")
            sums[index, index] -= np.sum((np.sum(rows**2, axis=1) / rows.shape[1] + 1) ** 3)
        return sums

    def kid(self, positions: ArrayLike) -> float:
        """Compute `kid` of some groups of both sets.

        Args:
            positions: the positions of the groups, a list of integers.

        Returns:
            float; see `kid`.
        """
        positions = np.asarray(positions)
        chosen = np.ix_(positions, positions)
        count_a, count_b = (sizes[positions].sum() for sizes in self._sizes)
        within_a, within_b = (
            sums[chosen].sum() / (count * (count - 1)) for sums, count in zip(self._within, (count_a, count_b))
        )
        return float(within_a + within_b - 2 * self._between[chosen].sum() / (count_a * count_b))


def _sums(groups_a: Sequence[np.ndarray], groups_b: Sequence[np.ndarray]) -> np.ndarray:
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
