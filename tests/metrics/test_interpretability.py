"""Clarity, redundancy and polysemanticity: hand values, planted units and SemanticLens's code as an oracle."""

import itertools

import numpy as np
import pytest
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from maco_tf.metrics import clarity, polysemanticity, redundancy

X, Y = [1.0, 0.0], [0.0, 1.0]


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def semantic_lens_clarity(embeddings):
    """A transcription of `clarity_score` of SemanticLens."""
    rows = embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True)
    count = embeddings.shape[-2]
    return ((rows.mean(-2) ** 2).sum(-1) - 1 / count) / (count - 1) * count


def semantic_lens_redundancy(means):
    """A transcription of `redundancy_score` of SemanticLens, before its mean over the units."""
    rows = means / np.linalg.norm(means, axis=-1, keepdims=True)
    return (rows @ rows.T - 2 * np.eye(len(rows))).max(-1)


def semantic_lens_polysemanticity(embeddings, seed):
    """A transcription of `polysemanticity_score` of SemanticLens."""
    scores = []
    for rows in embeddings:
        clusters = KMeans(n_clusters=2, n_init=10, random_state=seed).fit(rows)
        score = 1 - semantic_lens_clarity(clusters.cluster_centers_)
        sizes = np.unique(clusters.labels_, return_counts=True)[1]
        if len(sizes) < 2 or sizes.min() < 2:
            count = min(10, len(rows))
            score = 1 - sum(semantic_lens_clarity(np.stack([rows.mean(0), row])) for row in rows[:count]) / count
        scores.append(score)
    return np.array(scores)


@pytest.fixture
def embeddings(rng):
    """Six units with two planted kinds of exemplars and one with an outlier."""
    units = rng.normal(size=(6, 12, 5)) + 4 * rng.normal(size=(6, 1, 5))
    units[:, 6:] += 4 * rng.normal(size=(6, 1, 5))
    units[5, 1:] = units[5, 1]
    units[5, 0] *= -30
    return units


def test_clarity_by_hand():
    assert clarity([[X, Y, X]]) == pytest.approx([1 / 3])
    assert clarity([[X, [-2.0, 0.0]], [X, Y], [X, [5.0, 0.0]]]) == pytest.approx([-1, 0, 1])
    diagonal = [1.0, 1.0]
    assert clarity([[X, Y, diagonal]]) == pytest.approx([(0 + 2 * np.sqrt(0.5)) / 3])


def test_clarity_is_the_mean_over_pairs_and_that_of_semantic_lens(embeddings):
    pairs = [np.mean([cosine(a, b) for a, b in itertools.combinations(unit, 2)]) for unit in embeddings]
    assert clarity(embeddings) == pytest.approx(pairs, rel=1e-12)
    assert clarity(embeddings) == pytest.approx(semantic_lens_clarity(embeddings), rel=1e-10)


def test_one_repeated_image_is_perfectly_clear_and_has_one_meaning(embeddings):
    embeddings[2] = embeddings[2, 0]
    assert clarity(embeddings)[2] == pytest.approx(1, abs=1e-12)
    assert polysemanticity(embeddings)[2] == pytest.approx(0, abs=1e-12)
    assert np.all(np.delete(clarity(embeddings), 2) < 0.99)


def test_missing_exemplars_do_not_count(embeddings):
    fewer = embeddings.copy()
    fewer[0, 8:], fewer[1, 1:], fewer[2] = np.nan, np.nan, np.nan
    assert clarity(fewer)[0] == pytest.approx(clarity(embeddings[:1, :8])[0], rel=1e-12)
    assert polysemanticity(fewer)[0] == pytest.approx(polysemanticity(embeddings[:1, :8])[0], rel=1e-12)
    assert np.isnan(clarity(fewer)).tolist() == [False, True, True, False, False, False]
    assert np.isnan(polysemanticity(fewer)).tolist() == [False, True, True, False, False, False]
    assert np.isnan(redundancy(fewer)).tolist() == [False, False, True, False, False, False]
    means = np.stack([fewer[0, :8].mean(0), fewer[1, 0], *fewer[3:].mean(1)])
    assert redundancy(fewer)[[0, 1, 3, 4, 5]] == pytest.approx(semantic_lens_redundancy(means), rel=1e-12)
    assert np.isnan(redundancy([[X], [[np.nan] * 2]])).all()


def test_redundancy_by_hand():
    # The means point along (1, 0), (1, 1) and (0, -1).
    found = redundancy([[X, X], [X, Y], [[0.0, -3.0], [0.0, -1.0]]])
    assert found == pytest.approx([np.sqrt(0.5), np.sqrt(0.5), 0])


def test_a_planted_duplicate_is_found_and_units_are_compared_in_blocks(embeddings, monkeypatch):
    assert redundancy(embeddings) == pytest.approx(semantic_lens_redundancy(embeddings.mean(1)), rel=1e-12)
    embeddings[4] = 3 * embeddings[1, ::-1]
    whole = redundancy(embeddings)
    assert whole[[1, 4]] == pytest.approx(1)
    assert np.all(np.delete(whole, [1, 4]) < 0.999)
    monkeypatch.setattr("maco_tf.metrics.interpretability._AT_ONCE", 12)
    assert redundancy(embeddings) == pytest.approx(whole, rel=1e-12)


def test_polysemanticity_by_hand():
    # Two orthogonal kinds; two opposite ones; kinds of 60 degrees.
    half = [0.5, np.sqrt(0.75)]
    units = [[X, X, Y, Y], [X, X, [-1.0, 0.0], [-1.0, 0.0]], [X, X, half, half]]
    assert polysemanticity(units) == pytest.approx([1, 2, 0.5])
    # A single outlier is not a second meaning: the mean is (0.75, 0.25).
    mean = np.array([0.75, 0.25])
    expected = 1 - np.mean([cosine(mean, np.array(row)) for row in (X, X, X, Y)])
    assert polysemanticity([[X, X, X, Y]]) == pytest.approx([expected])


def test_polysemanticity_is_that_of_semantic_lens(embeddings):
    with threadpool_limits(1):
        expected = semantic_lens_polysemanticity(embeddings, seed=123)
    assert polysemanticity(embeddings, seed=123) == pytest.approx(expected, rel=1e-10)


def test_a_second_kind_raises_polysemanticity_and_lowers_clarity(rng):
    directions = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    one = directions[0] + 0.1 * rng.normal(size=(8, 8))
    two = np.concatenate([one[:4], directions[1] + 0.1 * rng.normal(size=(4, 8))])
    assert clarity([one])[0] > 0.8 > 0.6 > clarity([two])[0]
    assert polysemanticity([one])[0] < 0.2 < 0.8 < polysemanticity([two])[0]


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match='"embeddings" must be an array'):
        clarity(np.ones((3, 4)))
    with pytest.raises(ValueError, match=r'"embeddings".*zeros'):
        clarity([[X, [0.0, 0.0]]])
    with pytest.raises(ValueError, match=r'"embeddings".*NaN'):
        polysemanticity([[X, [np.nan, 0.0]]])
    with pytest.raises(ValueError, match='"embeddings" must have at least 2 units'):
        redundancy([[X, Y]])
    with pytest.raises(ValueError, match='"seed"'):
        polysemanticity([[X, Y]], seed=-1)
