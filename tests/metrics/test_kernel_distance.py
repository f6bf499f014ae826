"""KID, of whole sets and of groups."""

import itertools

import numpy as np
import pytest

from maco_tf.metrics import kernel_distance, kid


def oracle(a, b):
    """The unbiased estimate by a loop over pairs."""

    def kernel(x, y):
        return (x @ y / len(x) + 1) ** 3

    within_a = np.mean([kernel(x, y) for x, y in itertools.permutations(a, 2)])
    within_b = np.mean([kernel(x, y) for x, y in itertools.permutations(b, 2)])
    return within_a + within_b - 2 * np.mean([kernel(x, y) for x in a for y in b])


@pytest.mark.parametrize("block", [1024, 3])
def test_it_matches_a_loop_over_pairs(rng, block, monkeypatch):
    monkeypatch.setattr(kernel_distance, "_BLOCK", block)
    a, b = rng.normal(size=(11, 5)), rng.normal(size=(8, 5)) + 0.5
    assert kid(a, b) == pytest.approx(oracle(a, b), rel=1e-10)
    assert kid(b[::-1], a) == pytest.approx(kid(a, b), rel=1e-10)


def test_kid_of_groups_is_kid_of_their_rows(rng):
    a, b = ([rng.normal(size=(size, 5)) + shift for size in sizes] for sizes, shift in (((3, 1, 4), 0), ((2, 5, 1), 1)))
    sums = kernel_distance.KernelSums(a, b)
    known = kernel_distance.KernelSums(a, b, kernel_distance.KernelSums.within(b))
    for chosen in ([0, 1, 2], [0, 2], [1, 2]):
        expected = oracle(*(np.concatenate([groups[i] for i in chosen]) for groups in (a, b)))
        assert sums.kid(chosen) == pytest.approx(expected, rel=1e-10)
        assert known.kid(chosen) == sums.kid(chosen)


def test_it_is_unbiased():
    rng = np.random.default_rng(0)
    values = [kid(rng.normal(size=(12, 4)), rng.normal(size=(9, 4))) for _ in range(2000)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0


def test_the_distance_grows_with_damage_and_for_copies_of_one_image(photographs, damaged, sensitive):
    real = sensitive(photographs, verbose=0)
    for kind in ("noise", "blur"):
        scores = [kid(sensitive(images, verbose=0), real) for images in damaged[kind]]
        assert scores[0] < scores[1] < scores[2]
    # The mean over images is tested, because a single image may happen to lie near the mean of the kernel.
    collapsed = np.mean([kid(np.repeat(row[None], 8, axis=0), real) for row in real])
    assert collapsed > kid(real[::2], real[1::2])


def test_wrong_features_are_refused(rng):
    a = rng.normal(size=(4, 3))
    with pytest.raises(ValueError, match='"features_b" must have at least 2'):
        kid(a, a[:1])
    with pytest.raises(ValueError, match="one extractor"):
        kid(a, a[:, :2])
