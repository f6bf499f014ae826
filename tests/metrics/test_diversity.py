"""The mean cosine distance of a set of features."""

import itertools

import numpy as np
import pytest

from maco_tf.metrics import FeatureExtractor, diversity


def test_values_by_hand():
    assert diversity([[1, 0], [0, 3]]) == pytest.approx(1)
    assert diversity([[1, 0], [-2, 0]]) == pytest.approx(2)
    assert diversity([[1, 0], [0, 1], [-1, 0]]) == pytest.approx((1 + 2 + 1) / 3)


def test_it_matches_a_loop_over_pairs_and_ignores_scale_and_order(rng):
    features = rng.normal(size=(7, 12))
    cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in itertools.combinations(features, 2)]
    assert diversity(features) == pytest.approx(1 - np.mean(cosines), rel=1e-12)
    assert diversity(5 * features[::-1]) == pytest.approx(1 - np.mean(cosines), rel=1e-12)


def test_copies_lower_it_to_zero(photographs, tiny_model):
    features = FeatureExtractor(tiny_model, "conv")(photographs, verbose=0)
    copies = diversity(np.repeat(features[:1], 8, axis=0))
    half = diversity(np.concatenate([features[:8], np.repeat(features[:1], 8, axis=0)]))
    assert copies == pytest.approx(0, abs=1e-9)
    assert copies < half < diversity(features)


def test_too_few_rows_and_rows_of_zeros_are_refused():
    with pytest.raises(ValueError, match='"features" must have at least 2 rows'):
        diversity([[1.0, 2.0]])
    with pytest.raises(ValueError, match=r'"features".*zeros'):
        diversity([[1.0, 2.0], [0.0, 0.0]])
