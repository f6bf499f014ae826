"""How near a visualisation lies to real images of its class."""

from collections.abc import Mapping

import numpy as np

from maco_tf.metrics.feature_array import as_features, unit_rows


def plausibility(visualisation_features, real_features, *, k=1, normalized=False, classes=None):
    """Distance of each visualisation to its k-th nearest real image, in a network's feature space. Lower is better.

    It does not measure what the image looks like to people, nor whether it shows all that its class is: a copy of one
    training image scores best of all, and the features see only what their network sees. Visualisations can even be
    made to look like anything while a network's activations stay as they are (Geirhos et al., 2023,
    arXiv:2306.04719); section 6 of the paper has more.

    Args:
        visualisation_features: array (count, dimensions), as `FeatureExtractor` gives.
        real_features: array (real count, dimensions) with which every visualisation is compared; or a dictionary,
            class -> such an array (see `FeatureExtractor.by_class`), where each is compared with its own class.
        k: which neighbour counts, from 1.
        normalized: whether features are divided by their norms first, as in Deep-KNN; the paper's table takes them
            as they are.
        classes: the key in `real_features` of each visualisation, where that is a dictionary.

    Returns:
        Array (count,), float64: Euclidean distances; of at most 2 where `normalized`.

    Raises:
        ValueError: shapes that do not fit, an unknown class, fewer than `k` real images, or a zero vector to normalise.

    Source: the paper's plausibility score, from the k-nearest-neighbour distance of Sun et al., 2022,
    arXiv:2204.06507.
    """
    features = as_features("visualisation_features", visualisation_features)
    if not isinstance(k, int) or k < 1:
        raise ValueError(f'"k" must be a positive integer. Received: {k!r}.')
    if not isinstance(real_features, Mapping):
        if classes is not None:
            raise ValueError(
                '"real_features" must be a dictionary, class -> features, where "classes" is given. Received: an array.'
            )
        real_features, classes = {None: real_features}, [None] * len(features)
    if classes is None or len(classes) != len(features):
        raise ValueError(
            f'"classes" must name the class of each of the {len(features)} visualisations, as "real_features" is a '
            f"dictionary. Received: {None if classes is None else len(classes)}."
        )
    rows = {}
    for row, name in enumerate(classes):
        rows.setdefault(name, []).append(row)
    distances = np.empty(len(features))
    for name, chosen in rows.items():
        if name not in real_features:
            raise ValueError(
                f'"classes" must be keys of "real_features". Received: {name!r}; it has {len(real_features)}, such as '
                f"{', '.join(map(repr, list(real_features)[:3]))}."
            )
        real = as_features("real_features", real_features[name], minimum=k)
        distances[chosen] = _distances(features[chosen], real, k, normalized)
    return distances


def _distances(features, real, k, normalized):
    from sklearn.neighbors import NearestNeighbors

    if features.shape[1] != real.shape[1]:
        raise ValueError(
            '"visualisation_features" and "real_features" must come from one extractor. Received: '
            f"{features.shape[1]} and {real.shape[1]} dimensions."
        )
    if normalized:
        features, real = unit_rows("visualisation_features", features), unit_rows("real_features", real)
    nearest = NearestNeighbors(n_neighbors=k).fit(real).kneighbors(features, return_distance=False)[:, -1]
    # The search expands (a - b)^2, which leaves a copy of an image at a distance of rounding errors.
    return np.linalg.norm(features - real[nearest], axis=1)
