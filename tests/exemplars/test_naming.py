"""Names of units: CLIP-Dissect's code as an oracle, and planted words."""

import numpy as np
import pytest
from scipy.special import logsumexp, softmax

from maco_tf.exemplars import find_exemplars, name_units


def soft_wpmi(clip_feats, target_feats, top_k=100, a=10, lam=1, min_prob=1e-7, p_start=0.998, p_end=0.97):
    """`soft_wpmi` of CLIP-Dissect, line by line in NumPy: scores (units, words) of (images, words), (images, units)."""
    clip_feats = softmax(a * clip_feats, axis=1)
    inds = np.argsort(-target_feats, axis=0, kind="stable")[:top_k]
    p_in_examples = p_start - (np.arange(top_k) / top_k * (p_start - p_end))[:, None]
    prob_d_given_e = []
    for unit in range(target_feats.shape[1]):
        curr_p_d_given_e = 1 + p_in_examples * (clip_feats[inds[:, unit]] - 1)
        prob_d_given_e.append(np.log(curr_p_d_given_e + min_prob).sum(0))
    prob_d_given_e = np.stack(prob_d_given_e)
    prob_d = logsumexp(prob_d_given_e, axis=0, keepdims=True) - np.log(len(prob_d_given_e))
    return prob_d_given_e - lam * prob_d


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def data(rng):
    """150 images, 6 units, 40 words in 12 dimensions: activations, embeddings of images and of words, words."""
    words = [f"word {number}" for number in range(40)]
    return rng.normal(size=(150, 6)), rng.normal(size=(150, 12)), rng.normal(size=(40, 12)), words


@pytest.mark.parametrize("settings", [{}, {"top_k": 17, "a": 3, "lam": 0.4}, {"top_k": 150, "lam": 0}])
def test_scores_and_names_are_those_of_clip_dissect(data, settings):
    activations, images, texts, words = data
    expected = soft_wpmi(unit(images) @ unit(texts).T, activations, **settings)
    names, scores = name_units(*data, **settings)
    assert scores == pytest.approx(-np.sort(-expected)[:, :5], rel=1e-9, abs=1e-9)
    assert names == [tuple(words[word] for word in row) for row in np.argsort(-expected)[:, :5]]


def test_blocks_of_words_do_not_change_anything(data, monkeypatch):
    names, scores = name_units(*data, count=40)
    monkeypatch.setattr("maco_tf.exemplars.naming._AT_ONCE", 1000)
    blocked = name_units(*data, count=40)
    assert blocked.names == names
    assert blocked.scores == pytest.approx(scores, rel=1e-9, abs=1e-9)


def test_planted_words_are_found(rng):
    """Unit i responds to images of word 3 i; the scale of embeddings does not matter."""
    texts = np.linalg.qr(rng.normal(size=(30, 30)))[0]
    concepts = rng.integers(0, 30, 3000)
    images = 7 * (texts[concepts] + 0.1 * rng.normal(size=(3000, 30)))
    activations = np.stack([concepts == 3 * number for number in range(5)], axis=1) + 0.1 * rng.random((3000, 5))
    names, scores = name_units(activations, images, 0.2 * texts, [str(word) for word in range(30)], top_k=50, count=2)
    assert [row[0] for row in names] == ["0", "3", "6", "9", "12"]
    assert np.all(scores[:, 0] > scores[:, 1])
    # A word that fits the images of all units best names none of them.
    images += 10 * texts[29]
    without, _ = name_units(activations, images, texts, [str(word) for word in range(30)], top_k=50, lam=0)
    assert [row[0] for row in without] == ["29"] * 5
    names, _ = name_units(activations, images, texts, [str(word) for word in range(30)], top_k=50)
    assert [row[0] for row in names] == ["0", "3", "6", "9", "12"]


def test_dead_units_have_no_name_and_do_not_count(data):
    activations, *others = data
    dead = np.insert(activations, 2, 0.5, axis=1)
    names, scores = name_units(dead, *others)
    assert names[2] == ()
    assert np.isnan(scores[2]).all()
    expected = name_units(*data)
    assert names[:2] + names[3:] == expected.names
    assert np.array_equal(np.delete(scores, 2, axis=0), expected.scores)


@pytest.mark.slow
def test_exemplars_are_named_by_their_sample(exact_model, many_images, brute_force, rng):
    found = find_exemplars(exact_model, "scores", many_images, verbose=0)
    images, texts = rng.normal(size=(1000, 12)), rng.normal(size=(9, 12))
    expected = name_units(brute_force[-6:].T, images, texts, list("abcdefghi"))
    assert name_units(found, images, texts, list("abcdefghi")).names == expected.names
    # A sample of every other image.
    half = find_exemplars(exact_model, "scores", many_images, shard=(1, 2), verbose=0)
    expected = name_units(brute_force[-6:, 1::2].T, images[1::2], texts, list("abcdefghi"))
    for embeddings in (images, images[1::2]):
        assert name_units(half, embeddings, texts, list("abcdefghi")).names == expected.names


def test_errors_name_the_argument(data):
    activations, images, texts, words = data
    with pytest.raises(ValueError, match='"activations" must be of at least 2 units'):
        name_units(activations[:, :1], images, texts, words)
    with pytest.raises(ValueError, match='"activations" must be an array'):
        name_units(activations[0], images, texts, words)
    with pytest.raises(ValueError, match='"image_embeddings" must have a row'):
        name_units(activations, images[:-1], texts, words)
    with pytest.raises(ValueError, match='"text_embeddings" must have'):
        name_units(activations, images, texts, words[:-1])
    with pytest.raises(ValueError, match='"top_k"'):
        name_units(activations, images, texts, words, top_k=151)
    with pytest.raises(ValueError, match='"count"'):
        name_units(activations, images, texts, words, count=41)
