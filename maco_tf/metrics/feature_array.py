"""Checks of what the scores are given."""

import numpy as np


def as_features(argument, features, *, minimum=1):
    """Feature vectors as a float64 array.

    Args:
        argument: the argument's name, for the error.
        features: array (count, dimensions).
        minimum: the fewest rows that will do.

    Returns:
        Array (count, dimensions), float64.

    Raises:
        ValueError: another shape, too few rows, or values that are not finite.
    """
    features = np.asarray(features)
    if features.ndim != 2 or features.shape[1] == 0 or features.dtype.kind not in "fiu":
        raise ValueError(
            f'"{argument}" must be an array (count, dimensions) of numbers, as FeatureExtractor gives. Received: shape '
            f"{features.shape}, {features.dtype}."
        )
    if len(features) < minimum:
        raise ValueError(f'"{argument}" must have at least {minimum} rows. Received: {len(features)}.')
    features = features.astype("float64")
    if not np.isfinite(features).all():
        raise ValueError(f'"{argument}" must be finite. Received: an array with NaN or infinity; look at the images.')
    return features


def unit_rows(argument, features):
    """Feature vectors divided by their norms.

    Args:
        argument: the argument's name, for the error.
        features: array (count, dimensions), as `as_features` gives.

    Returns:
        Array of the same shape.

    Raises:
        ValueError: a zero vector.
    """
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    if not norms.all():
        raise ValueError(
            f'"{argument}" must hold no zero vector, which has no direction. Received: {np.sum(norms == 0)} of '
            f"{len(norms)}. Take an earlier layer, whose units are not all silent."
        )
    return features / norms


def as_feature_pair(features_a, features_b, *, minimum):
    """Two sets of features of one kind.

    Args:
        features_a: array (count, dimensions).
        features_b: array (other count, dimensions).
        minimum: the fewest rows that will do, in each.

    Returns:
        Both as float64 arrays.

    Raises:
        ValueError: see `as_features`; or their dimensions differ.
    """
    features_a = as_features("features_a", features_a, minimum=minimum)
    features_b = as_features("features_b", features_b, minimum=minimum)
    if features_a.shape[1] != features_b.shape[1]:
        raise ValueError(
            '"features_a" and "features_b" must come from one extractor. Received: '
            f"{features_a.shape[1]} and {features_b.shape[1]} dimensions."
        )
    return features_a, features_b
