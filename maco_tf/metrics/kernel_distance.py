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
    within = sum(_mean_kernel(features, features, distinct=True) for features in (features_a, features_b))
    return float(within - 2 * _mean_kernel(features_a, features_b, distinct=False))


def _mean_kernel(features_a, features_b, *, distinct):
    """The kernel's mean over pairs; over pairs of two different rows where `distinct`."""
    total = 0.0
    for start in range(0, len(features_a), _BLOCK):
        total += np.sum((features_a[start : start + _BLOCK] @ features_b.T / features_a.shape[1] + 1) ** 3)
    if not distinct:
        return total / (len(features_a) * len(features_b))
    diagonal = np.sum((np.sum(features_a**2, axis=1) / features_a.shape[1] + 1) ** 3)
    return (total - diagonal) / (len(features_a) * (len(features_a) - 1))
