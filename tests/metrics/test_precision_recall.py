"""Improved precision and recall: by hand, against brute force, and their directions."""

import sys

import numpy as np
import pytest

from maco_tf.metrics import precision_recall


def oracle(a, b, neighbours):
    """Precision and recall by loops over pairs, from the definition."""

    def distance(x, y):
        return np.sqrt(np.sum((x - y) ** 2))

    def radius(index, rows):
        others = [distance(rows[index], row) for other, row in enumerate(rows) if other != index]
        return sorted(others)[neighbours - 1]

    def covered(points, centres):
        radii = [radius(index, centres) for index in range(len(centres))]
        return np.mean([any(distance(x, y) <= r for y, r in zip(centres, radii)) for x in points])

    return covered(a, b), covered(b, a)


def test_points_on_a_line_by_hand():
    # The balls of the real images are [-1, 1], [0, 2], [2.5, 3.5] and [3, 4], those of the visualisations [2, 7],
    # [4.5, 9.5] and [7, 33].
    real, made = np.array([[0.0], [1], [3], [3.5]]), np.array([[4.5], [7], [20]])
    assert precision_recall(made, real, neighbours=1) == (0.0, 0.5)
    assert precision_recall(real, made, neighbours=1) == (0.5, 0.0)


@pytest.mark.parametrize("neighbours", [1, 3, 5])
@pytest.mark.parametrize("at_once", [2**24, 20])
def test_it_matches_brute_force(rng, neighbours, at_once, monkeypatch):
    # The package's attribute of this name is the function.
    monkeypatch.setattr(sys.modules["maco_tf.metrics.precision_recall"], "_AT_ONCE", at_once)
    a, b = rng.normal(size=(23, 6)) + 1.2, rng.normal(size=(17, 6))
    precision, recall = precision_recall(a, b, neighbours=neighbours)
    assert (precision, recall) == pytest.approx(oracle(a, b, neighbours))
    assert 0 < precision < 1
    assert precision_recall(b, a, neighbours=neighbours) == (recall, precision)


def test_the_default_is_three_neighbours(rng):
    a, b = rng.normal(size=(30, 6)), rng.normal(size=(20, 6)) + 0.7
    assert precision_recall(a, b) == precision_recall(a, b, neighbours=3)
    assert precision_recall(a, b) != precision_recall(a, b, neighbours=2)


def test_directions(rng):
    real = rng.normal(size=(200, 8)).astype("float32")
    assert precision_recall(real, real) == (1.0, 1.0)
    assert precision_recall(real[::-1] + 1000, real) == (0.0, 0.0)
    same = precision_recall(rng.normal(size=(200, 8)), real)
    assert min(same) > 0.5
    # All visualisations lie near one real image: they look real, and are not varied.
    collapsed = precision_recall(real[:1] + 0.01 * rng.normal(size=(200, 8)), real)
    assert collapsed.precision == 1
    assert collapsed.recall <= 2 / 200
    # A few real modes and much else: varied, but not like real images.
    wide = precision_recall(5 * rng.normal(size=(200, 8)), real)
    assert wide.precision < 0.1
    assert wide.recall > 0.9


def test_copies_of_one_image_cover_nothing_but_itself(rng):
    # All radii are 0, so rounding errors of any sign would decide.
    real = rng.normal(size=(50, 64)).astype("float32") + 3
    assert precision_recall(np.repeat(real[:1], 20, axis=0), real) == (1.0, 1 / 50)


def test_damage_lowers_the_precision(photographs, damaged, sensitive):
    real = sensitive(photographs, verbose=0)
    precisions = [precision_recall(sensitive(images, verbose=0), real).precision for images in damaged["noise"]]
    assert precisions[0] > precisions[2]


def test_wrong_arguments_are_named(rng):
    a = rng.normal(size=(5, 3))
    with pytest.raises(ValueError, match='"features_b" must have at least 4'):
        precision_recall(a, a[:3])
    with pytest.raises(ValueError, match='"features_a" and "features_b" must come from one extractor'):
        precision_recall(a, rng.normal(size=(5, 4)))
    with pytest.raises(ValueError, match='"neighbours" must be'):
        precision_recall(a, a, neighbours=0)
