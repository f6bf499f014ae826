"""How much the images of a set differ from each other."""

import numpy as np
from numpy.typing import ArrayLike

from maco_tf.metrics.feature_array import as_features, unit_rows


def diversity(features: ArrayLike) -> float:
    """Mean cosine distance between all pairs of images, in feature space. Higher is more diverse.

    It does not measure whether any image is good: noise is diverse, and so are wrong answers. For one objective under
    several seeds, a low value may itself be the finding: the unit responds to one thing only.

    Args:
        features: array (count, dimensions), at least two rows, as `FeatureExtractor` returns it.

    Returns:
        float in [0, 2]: 0 for copies of one image, 1 for orthogonal features.

    Raises:
        ValueError: fewer than two rows, or a row of zeros.
    """
    features = unit_rows("features", as_features("features", features, minimum=2))
    total = np.sum(features, axis=0)
    # |sum of unit vectors|^2 is the sum of the cosines of all pairs, including every image paired with itself.
    cosine = (total @ total - len(features)) / (len(features) * (len(features) - 1))
    return float(np.clip(1 - cosine, 0, 2))
