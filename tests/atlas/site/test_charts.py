import numpy as np
import pytest

from maco_tf.atlas.site.charts import histogram_path, history_path, map_places


def test_histogram_by_hand():
    """Heights grow with log(1 + count): 0, half of and all of 96."""
    assert histogram_path([0, 1, 3]) == "M107.2 96v-48.0h105.7v48.0zM213.8 96v-96.0h105.7v96.0z"
    assert histogram_path([]) == ""
    assert histogram_path([0, 0]) == ""


def test_history_by_hand():
    assert history_path([1.0, 3.0, 2.0]) == "M0 92L160 4L320 48"
    assert history_path([1.0, None, 3.0]) == "M0 92L320 4"
    assert history_path([2.0]) == ""
    assert history_path([2.0, 2.0]) == "M0 4L320 4"


def test_maps_keep_distances(rng):
    points = rng.normal(size=(12, 2)) * (5, 2)
    width, height, places = map_places([{"x": x, "y": y} for x, y in points])
    placed = np.array(places)
    ratios = np.linalg.norm(placed[1:] - placed[0], axis=1) / np.linalg.norm(points[1:] - points[0], axis=1)
    np.testing.assert_allclose(ratios, ratios[0], rtol=0.02)
    assert placed.min() > 0
    assert (placed < (width, height)).all()
    # The second axis of a plot points up, and that of a page down.
    assert np.argmax(points[:, 1]) == np.argmin(placed[:, 1])


@pytest.mark.parametrize("points", [[], [{"x": 3, "y": 4}], [{"x": 0, "y": 1}, {"x": 9, "y": 1}]])
def test_maps_of_few_points(points):
    width, height, places = map_places(points)
    assert width / 2 - 1 <= height <= 2 * width
    assert all(0 < x < width and 0 < y < height for x, y in places)


def test_points_at_one_place_are_drawn_side_by_side():
    width, height, places = map_places([{"x": 0.5, "y": 0.5}] * 6 + [{"x": 0.9, "y": 0.5}])
    placed = np.array(places)
    distances = np.linalg.norm(placed[:, None] - placed, axis=-1)[~np.eye(7, dtype=bool)]
    assert distances.min() > 20
    assert placed.min() > 0
    assert (placed < (width, height)).all()
