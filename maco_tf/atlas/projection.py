"""Points of many dimensions in two: by UMAP where it is installed and there are enough of them, otherwise by PCA."""

import importlib.util
import warnings

import numpy as np

from maco_tf.checks import check_integer, check_number

# UMAP estimates neighbourhoods. With fewer points than a few of these, nearly all points are neighbours of all others.
_LEAST = 50
# As in the activation atlas of Carter et al.
_NEIGHBOURS, _MIN_DISTANCE = 20, 0.01


def project(points: np.ndarray, *, seed: int = 0) -> tuple[np.ndarray, str]:
    """Lay out points in the plane so that points of similar directions lie near each other.

    The lengths of the points do not matter: they are compared by the cosine. The same points and seed give the same
    coordinates on the same machine.

    Args:
        points: array (count, dimensions), finite.
        seed: integer of at least 0, for UMAP.

    Returns:
        `(coordinates, method)`: array (count, 2), float64, of any scale; and "umap" for at least 50 points where
        umap-learn is installed (`pip install "maco_tf[umap]"`), otherwise "pca".

    Raises:
        ValueError: the points are not a finite array of two axes with at least one row.

    Source: McInnes et al. 2018 (arXiv:1802.03426), with 20 neighbours and a least distance of 0.01 as in Carter et al.,
        "Activation Atlas", Distill 2019.
    """
    points, seed = np.asarray(points, "float64"), check_integer("seed", seed, 0, 2**32 - 1)
    if points.ndim != 2 or not points.size or not np.isfinite(points).all():
        raise ValueError(f'"points" must be a finite array (count, dimensions). Received: shape {points.shape}.')
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    rows = points / np.where(lengths > 0, lengths, 1)
    if len(rows) < _LEAST or importlib.util.find_spec("umap") is None:
        return _principal_components(rows), "pca"
    from umap import UMAP

    with warnings.catch_warnings():
        # It warns that a seed means one thread, and that disconnected parts were placed separately.
        warnings.simplefilter("ignore")
        reducer = UMAP(n_neighbors=_NEIGHBOURS, min_dist=_MIN_DISTANCE, metric="cosine", random_state=seed, n_jobs=1)
        return np.asarray(reducer.fit_transform(rows.astype("float32")), "float64"), "umap"


def to_unit_square(points: np.ndarray, *, stretch: bool = False, outliers: float = 0.0) -> np.ndarray:
    """Coordinates in the unit square.

    Args:
        points: array (count, 2).
        stretch: whether both axes fill the square. Otherwise they have one scale, and the shorter one is centred.
        outliers: percentage of the points at either end of an axis, in [0, 50), that is moved to the border.

    Returns:
        Array (count, 2), float64 in [0, 1]; 0.5 along an axis without extent.
    """
    outliers = check_number("outliers", outliers, least=0, most=49)
    low, high = np.percentile(points, (outliers, 100 - outliers), axis=0)
    extent = high - low if stretch else np.full(2, (high - low).max())
    scaled = (points - (low + high) / 2) / np.where(extent > 0, extent, 1)
    return np.clip(scaled + 0.5, 0, 1)


def _principal_components(rows: np.ndarray) -> np.ndarray:
    """The first two principal components, with fixed signs, and zeros for one that does not exist."""
    centred = rows - rows.mean(axis=0)
    _, scales, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * (scales[:2, None] > 1e-12 * max(scales[0], 1))
    # The largest entry of each axis is positive.
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], 1)
    coordinates = centred @ (axes * np.where(largest < 0, -1, 1)).T
    return np.pad(coordinates, ((0, 0), (0, 2 - coordinates.shape[1])))
