"""How much the images of a batch differ."""

import numpy as np

from maco_tf.metrics.feature_array import as_features, unit_rows


def diversity(features):
    """Mean cosine distance between all pairs of a batch, in feature space. Higher is more diverse.

    It does not measure whether any image is good: noise is diverse, and so are wrong answers. Of one objective under
    several seeds, a low value may be the finding that the unit looks for one thing only.

    Args:
        features: array (count, dimensions), at least two rows, as `FeatureExtractor` gives.

    Returns:
        float in [0, 2]: 0 for copies, 1 for orthogonal features.

    Raises:
        ValueError: fewer than two rows, or a zero vector.
    """
    features = unit_rows("features", as_features("features", features, minimum=2))
    total = np.sum(features, axis=0)
    # |sum of unit vectors|^2 is the sum of all cosines, each image's with itself included.
    cosine = (total @ total - len(features)) / (len(features) * (len(features) - 1))
    return float(np.clip(1 - cosine, 0, 2))
