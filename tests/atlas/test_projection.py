"""Points in the plane."""

import importlib.util

import numpy as np
import pytest

from maco_tf.atlas.projection import project, to_unit_square


def test_principal_components_keep_the_distances_of_points_in_a_plane(rng):
    # Unit vectors within a plane of ten dimensions.
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    plane = np.linalg.qr(rng.normal(size=(10, 2)))[0]
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ plane.T
    # Lengths do not matter.
    found, method = project(points * rng.uniform(1, 5, (12, 1)))
    assert method == "pca"
    distances = [np.linalg.norm(values[:, None] - values[None], axis=2) for values in (points, found)]
    assert np.allclose(*distances)
    assert np.allclose(found, project(points)[0])


@pytest.mark.parametrize("points", [np.ones((1, 4)), np.ones((3, 4)), np.zeros((3, 4)), np.ones((3, 1))])
def test_points_without_extent_lie_in_one_place(points):
    found, _ = project(points)
    assert found.shape == (len(points), 2)
    assert np.allclose(found, 0)
    assert np.allclose(to_unit_square(found), 0.5)


@pytest.mark.parametrize("points", [np.full((3, 4), np.nan), np.zeros((0, 4)), np.zeros(4)])
def test_only_finite_points_are_projected(points):
    with pytest.raises(ValueError, match='"points" must'):
        project(points)


def test_the_unit_square_keeps_proportions_or_fills():
    points = np.array([[0.0, 0.0], [4.0, 2.0], [2.0, 1.0]])
    assert to_unit_square(points).tolist() == [[0, 0.25], [1, 0.75], [0.5, 0.5]]
    assert to_unit_square(points, stretch=True).tolist() == [[0, 0], [1, 1], [0.5, 0.5]]
    # One of 101 points lies far outside and is moved to the border; the others keep the square.
    line = np.stack([np.r_[np.arange(100.0), 1e6]] * 2, axis=1)
    assert to_unit_square(line, outliers=1)[50, 0] == pytest.approx(0.5, abs=0.01)
    assert to_unit_square(line, outliers=1)[100, 0] == 1


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("umap") is None, reason="umap-learn is not installed")
def test_umap_keeps_groups_together_and_repeats_itself(rng):
    centres = np.eye(3, 8)[np.repeat(np.arange(3), 20)]
    points = centres + 0.02 * rng.normal(size=(60, 8))
    found, method = project(points)
    assert method == "umap"
    groups = np.repeat(np.arange(3), 20)
    distances = np.linalg.norm(found[:, None] - found[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    # The nearest neighbour of every point belongs to its group.
    assert np.array_equal(groups[distances.argmin(axis=1)], groups)
    assert np.array_equal(found, project(points)[0])


def test_without_umap_many_points_are_projected_by_principal_components(rng, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert project(rng.normal(size=(60, 3)))[1] == "pca"
