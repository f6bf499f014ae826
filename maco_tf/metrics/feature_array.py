"""Checks of arrays of features, shared by the scores that compare them."""

import numpy as np
from numpy.typing import ArrayLike


def as_features(argument: str, features: ArrayLike, *, minimum: int = 1) -> np.ndarray:
    """Check feature vectors and convert them to float64.

    Args:
        argument: the argument's name, for the error.
        features: array (count, dimensions).
        minimum: the smallest number of rows allowed.

    Returns:
        Array (count, dimensions), float64.

    Raises:
        ValueError: another shape, too few rows, or values that are not finite.
    """
    features = np.asarray(features)
    if features.ndim != 2 or features.shape[1] == 0 or features.dtype.kind not in "fiu":
        raise ValueError(
            f'"{argument}" must be an array (count, dimensions) of numbers, as FeatureExtractor returns it. Received: '
            f"shape {features.shape}, {features.dtype}."
        )
    if len(features) < minimum:
        raise ValueError(f'"{argument}" must have at least {minimum} rows. Received: {len(features)}.')
    features = features.astype("float64")
    if not np.isfinite(features).all():
        raise ValueError(
            f'"{argument}" must be finite. Received: an array with NaN or infinity. Check the images and the network.'
        )
    return features


def unit_rows(argument: str, features: np.ndarray) -> np.ndarray:
    """Divide feature vectors by their Euclidean norms.

    Args:
        argument: the argument's name, for the error.
        features: array (..., count, dimensions), as `as_features` or `as_unit_features` returns it.

    Returns:
        Array of the same shape.

    Raises:
        ValueError: a row is all zeros.
    """
    norms = np.linalg.norm(features, axis=-1, keepdims=True)
    if not norms.all():
        raise ValueError(
            f'"{argument}" must not hold a row of zeros: it has no direction. Received: {np.sum(norms == 0)} of '
            f"{norms.size} rows. Use an earlier layer, where not all units are silent."
        )
    return features / norms


def as_unit_features(argument: str, features: ArrayLike) -> np.ndarray:
    """Check the feature vectors of several images for each of several units.

    Args:
        argument: the argument's name, for the error.
        features: array (units, count, dimensions). A row of NaN stands for an image that a unit lacks.

    Returns:
        Array (units, count, dimensions), float64.

    Raises:
        ValueError: another shape, an infinite value, or a row that holds NaN beside numbers.
    """
    features = np.asarray(features)
    if features.ndim != 3 or 0 in features.shape or features.dtype.kind not in "fiu":
        raise ValueError(
            f'"{argument}" must be an array (units, count, dimensions) of numbers. Received: shape {features.shape}, '
            f"{features.dtype}."
        )
    features = features.astype("float64")
    missing = np.isnan(features)
    if np.isinf(features).any() or (missing.any(axis=-1) != missing.all(axis=-1)).any():
        raise ValueError(
            f'"{argument}" must hold rows of finite numbers; a row of NaN alone stands for an image that is missing. '
            "Received: infinity, or NaN beside numbers. Check the images and the network."
        )
    return features


def as_feature_pair(features_a: ArrayLike, features_b: ArrayLike, *, minimum: int) -> tuple[np.ndarray, np.ndarray]:
    """Check two sets of features that are to be compared.

    Args:
        features_a: array (count, dimensions).
        features_b: array (other count, dimensions).
        minimum: the smallest number of rows allowed in either set.

    Returns:
        Both sets as float64 arrays.

    Raises:
        ValueError: see `as_features`; or the sets differ in dimensions.
    """
    features_a = as_features("features_a", features_a, minimum=minimum)
    features_b = as_features("features_b", features_b, minimum=minimum)
    if features_a.shape[1] != features_b.shape[1]:
        raise ValueError(
            '"features_a" and "features_b" must come from one extractor. Received: '
            f"{features_a.shape[1]} and {features_b.shape[1]} dimensions."
        )
    return features_a, features_b
