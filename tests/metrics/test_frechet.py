"""FID, its extrapolation, and the distance between Gaussians that both compute."""

import warnings

import numpy as np
import pytest
import scipy.linalg

from maco_tf.metrics import fid, fid_infinity, frechet_distance


def oracle(a, b):
    """The published formula with SciPy's matrix square root."""
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    return np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(cov_a + cov_b - 2 * root)


@pytest.mark.parametrize("dimensions", [2, 17, 64])
def test_it_matches_the_published_formula(rng, dimensions):
    mixing = rng.normal(size=(dimensions, dimensions))
    a = rng.normal(size=(200, dimensions)) @ mixing
    b = 2 * rng.normal(size=(150, dimensions)) + 1
    expected = oracle(a, b)
    assert fid(a, b) == pytest.approx(expected, rel=1e-6)
    assert fid(b[::-1], a) == pytest.approx(expected, rel=1e-6)
    fits = a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False)
    assert frechet_distance(*fits) == pytest.approx(expected, rel=1e-6)


def test_gaussians_by_hand():
    # For commuting covariances, the distance is |ma - mb|^2 plus the sum of (sa - sb)^2 over standard deviations.
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    a = rotation @ np.diag([1.0, 4.0, 9.0]) @ rotation.T
    b = rotation @ np.diag([4.0, 0.0, 1.0]) @ rotation.T
    assert frechet_distance([0, 0, 0], a, [1, 2, 2], b) == pytest.approx(9 + 1 + 4 + 4)
    assert frechet_distance([1.0], [[4.0]], [3.0], [[25.0]]) == pytest.approx(4 + 9)


@pytest.mark.parametrize("count", [5, 80])
def test_equal_sets_have_distance_zero_even_if_singular(rng, count):
    features = 100 * rng.normal(size=(count, 30))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert fid(features, features[::-1]) == pytest.approx(0, abs=1e-8)
        shifted = fid(features, features + 2)
    assert shifted == pytest.approx(30 * 4, rel=1e-8)


@pytest.mark.parametrize("kind", ["noise", "blur"])
def test_the_distance_grows_with_damage(photographs, damaged, sensitive, kind):
    real = sensitive(photographs, verbose=0)
    scores = [fid(sensitive(images, verbose=0), real) for images in damaged[kind]]
    assert 0 < scores[0] < scores[1] < scores[2]


def test_copies_of_one_image_are_farther_than_a_subset(photographs, sensitive):
    real = sensitive(photographs, verbose=0)
    subset = fid(real[:12], real)
    for row in real:
        assert fid(np.repeat(row[None], 12, axis=0), real) > subset


def test_too_few_images_give_a_warning(rng):
    with pytest.warns(UserWarning, match="30 dimensions to 20 images"):
        fid(rng.normal(size=(20, 30)), rng.normal(size=(100, 30)))
    with pytest.warns(UserWarning, match="5 dimensions to 4 images"):
        fid_infinity(rng.normal(size=(40, 5)), rng.normal(size=(100, 5)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fid(rng.normal(size=(31, 30)), rng.normal(size=(100, 30)))


def test_the_extrapolation_removes_most_of_the_bias():
    plain, extrapolated = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        a, b = rng.normal(size=(300, 10)), rng.normal(size=(20000, 10))
        plain.append(fid(a, b))
        extrapolated.append(fid_infinity(a, b, seed=seed))
    # The distributions are equal, so the truth is 0. The bias of 300 images is of the order of 10 * 11 / 4 / 300.
    assert np.mean(plain) > 0.03
    assert abs(np.mean(extrapolated)) < 0.25 * np.mean(plain)
    assert fid_infinity(a, b, seed=3) == fid_infinity(a, b, seed=np.int64(3)) != fid_infinity(a, b, seed=4)


def test_wrong_features_and_seeds_are_refused(rng):
    a = rng.normal(size=(30, 3))
    with pytest.raises(ValueError, match="one extractor"):
        fid(a, a[:, :2])
    with pytest.raises(ValueError, match="at least 2 rows"):
        fid(a[:1], a)
    with pytest.raises(ValueError, match="finite"):
        fid(a, a * np.inf)
    with pytest.raises(ValueError, match="at least 20 rows"):
        fid_infinity(a[:19], a)
    for seed in (-1, 0.5, True, None):
        with pytest.raises(ValueError, match='"seed"'):
            fid_infinity(a, a, seed=seed)


def test_wrong_gaussians_are_refused():
    eye = np.eye(2)
    with pytest.raises(ValueError, match="vectors of one length"):
        frechet_distance([0, 0], eye, [0, 0, 0], np.eye(3))
    with pytest.raises(ValueError, match='"covariance_b" must be a finite matrix of 2 x 2'):
        frechet_distance([0, 0], eye, [0, 0], np.eye(3))
    for wrong in (np.diag([1.0, -1.0]), np.array([[1.0, 0.5], [0.0, 1.0]])):
        with pytest.raises(ValueError, match="symmetric"):
            frechet_distance([0, 0], wrong, [0, 0], eye)
