"""How close a visualisation is to real images of its class."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from maco_tf.checks import check_flag, check_integer
from maco_tf.metrics.feature_array import as_features, unit_rows


def plausibility(
    visualisation_features: ArrayLike,
    # Not Mapping[Hashable, ...]: type checkers would refuse a dictionary whose keys are all strings.
    real_features: ArrayLike | Mapping[Any, ArrayLike],
    *,
    k: int = 1,
    normalized: bool = False,
    classes: Sequence[Hashable] | None = None,
) -> np.ndarray:
    """Distance from each visualisation to its k-th nearest real image, in a network's feature space. Lower is better.

    It does not measure what people see in the image, nor whether the image shows all of its class: a copy of one
    training image scores best of all, and the features hold only what their network responds to. A visualisation can
    even be made to look like anything while the network's activations stay the same (Geirhos et al., 2023,
    arXiv:2306.04719); see also section 6 of the paper.

    Args:
        visualisation_features: array (count, dimensions), as `FeatureExtractor` returns it.
        real_features: array (real count, dimensions), to which every visualisation is compared; or a dictionary,
            class -> such an array (see `FeatureExtractor.by_class`), and every visualisation is compared to its class.
        k: which neighbour counts, from 1.
        normalized: whether features are divided by their norms first, as in Deep-KNN; the paper's table uses the
            features without this step.
        classes: the key in `real_features` of each visualisation, if `real_features` is a dictionary.

    Returns:
        Array (count,), float64: Euclidean distances, at most 2 if `normalized`.

    Raises:
        ValueError: the shapes do not fit, a class is unknown, there are fewer than `k` real images, or a row of zeros
            is to be normalised.

    Source: the paper's plausibility score, from the k-nearest-neighbour distance of Sun et al., 2022,
    arXiv:2204.06507.
    """
    features = as_features("visualisation_features", visualisation_features)
    k, normalized = check_integer("k", k, 1), check_flag("normalized", normalized)
    if not isinstance(real_features, Mapping):
        if classes is not None:
            raise ValueError(
                '"real_features" must be a dictionary, class -> features, if "classes" is set. Received: an array.'
            )
        real_features, classes = {None: real_features}, [None] * len(features)
    if classes is None or len(classes) != len(features):
        raise ValueError(
            f'"classes" must name the class of each of the {len(features)} visualisations, because "real_features" is '
            f"a dictionary. Received: {None if classes is None else f'{len(classes)} names'}."
        )
    rows_of: dict[Hashable, list[int]] = {}
    for row, name in enumerate(classes):
        rows_of.setdefault(name, []).append(row)
    distances = np.empty(len(features))
    for name, rows in rows_of.items():
        if name not in real_features:
            raise ValueError(
                f'"classes" must be keys of "real_features". Received: {name!r}. The {len(real_features)} keys are '
                f"{', '.join(map(repr, list(real_features)[:3]))}{', ...' if len(real_features) > 3 else ''}."
            )
        real = as_features("real_features", real_features[name], minimum=k)
        distances[rows] = _distances(features[rows], real, k, normalized)
    return distances


def _distances(features: np.ndarray, real: np.ndarray, k: int, normalized: bool) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    if features.shape[1] != real.shape[1]:
        raise ValueError(
            '"visualisation_features" and "real_features" must come from one extractor. Received: '
            f"{features.shape[1]} and {real.shape[1]} dimensions."
        )
    if normalized:
        features, real = unit_rows("visualisation_features", features), unit_rows("real_features", real)
    nearest = NearestNeighbors(n_neighbors=k).fit(real).kneighbors(features, return_distance=False)[:, -1]
    # The search expands (a - b)^2, so its distance from an image to its copy is a rounding error and not 0.
    return np.linalg.norm(features - real[nearest], axis=1)
