"""Distances to the nearest real images."""

import numpy as np
import pytest

from maco_tf.metrics import FeatureExtractor, plausibility


def test_distances_by_hand():
    real = [[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]
    np.testing.assert_allclose(plausibility([[0, 0], [3, 0]], real), [0, 3])
    np.testing.assert_allclose(plausibility([[0, 0], [3, 0]], real, k=2), [5, 4])
    np.testing.assert_allclose(plausibility([[0, 2], [1, 0]], [[5, 0]], normalized=True), [np.sqrt(2), 0], atol=1e-12)


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("k", [1, 3, 9])
def test_it_matches_a_sorted_list_of_distances(rng, k, normalized):
    features, real = rng.normal(size=(6, 40)).astype("float32"), rng.normal(size=(9, 40)).astype("float32")
    a, b = features.astype("float64"), real.astype("float64")
    if normalized:
        a, b = (x / np.sqrt((x**2).sum(axis=1, keepdims=True)) for x in (a, b))
    expected = [sorted(np.sqrt(((row - other) ** 2).sum()) for other in b)[k - 1] for row in a]
    found = plausibility(features, real, k=np.int64(k), normalized=np.bool_(normalized))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    shuffled = plausibility(features[::-1], real[rng.permutation(9)], k=k, normalized=normalized)
    np.testing.assert_allclose(shuffled[::-1], expected, rtol=1e-12)


def test_a_visualisation_is_compared_to_its_class(rng):
    real = {"cat": rng.normal(size=(5, 8)), "dog": rng.normal(size=(4, 8)), 7: rng.normal(size=(3, 8))}
    features, classes = rng.normal(size=(6, 8)), ["dog", "cat", 7, "dog", "cat", "cat"]
    expected = [plausibility(row[None], real[name], k=2)[0] for row, name in zip(features, classes)]
    np.testing.assert_array_equal(plausibility(features, real, k=2, classes=classes), expected)


def test_a_copy_has_distance_exactly_zero(rng):
    real = 1e4 + rng.normal(size=(50, 300))
    np.testing.assert_array_equal(plausibility(real[:3], real), 0)


@pytest.mark.parametrize("kind", ["noise", "blur"])
def test_more_damage_is_less_plausible(photographs, damaged, tiny_model, kind):
    extractor = FeatureExtractor(tiny_model, "conv")
    real = extractor(photographs, verbose=0)
    scores = [plausibility(extractor(images, verbose=0), real).mean() for images in damaged[kind]]
    assert 0 < scores[0] < scores[1] < scores[2]


def test_wrong_arguments_are_refused(rng):
    features, real = rng.normal(size=(2, 3)), rng.normal(size=(4, 3))
    for arguments, options, message in [
        ((features, real), {"k": 5}, "at least 5 rows"),
        ((features, real), {"k": 0}, '"k" must'),
        ((features, real), {"k": True}, '"k" must'),
        ((features, real), {"k": 1.0}, '"k" must'),
        ((features, real), {"normalized": 1}, '"normalized" must'),
        ((features, real[:, :2]), {}, "one extractor"),
        ((features[0], real), {}, "array .count, dimensions"),
        ((features, real * np.nan), {}, "finite"),
        ((features, 0 * real), {"normalized": True}, "zeros"),
        ((features, real), {"classes": [0, 1]}, "must be a dictionary"),
        ((features, {0: real}), {}, '"classes" must name'),
        ((features, {0: real}), {"classes": [0]}, '"classes" must name'),
        ((features, {0: real}), {"classes": [0, "pug"]}, "Received: 'pug'"),
    ]:
        with pytest.raises(ValueError, match=message):
            plausibility(*arguments, **options)
