"""Checks of arrays of features."""

import numpy as np
import pytest

from maco_tf.metrics.feature_array import as_feature_pair, as_features, unit_rows


def test_any_numbers_become_float64():
    for features in ([[1, 2]], np.array([[1, 2]], "uint8"), np.array([[1, 2]], "float16")):
        found = as_features("features", features)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, [[1.0, 2.0]])


@pytest.mark.parametrize("wrong", [[1.0, 2.0], [[]], [["a"]], [[True]], [[1j]], [[np.nan]], [[np.inf]]])
def test_anything_else_is_refused_by_the_arguments_name(wrong):
    with pytest.raises(ValueError, match='"mine"'):
        as_features("mine", wrong)


def test_unit_rows_have_norm_one_and_the_same_direction():
    np.testing.assert_allclose(unit_rows("features", np.array([[3.0, 4.0], [0.0, -2.0]])), [[0.6, 0.8], [0, -1]])


def test_pairs_must_agree_in_dimensions():
    with pytest.raises(ValueError, match=r'"features_a" and "features_b".*2 and 3 dimensions'):
        as_feature_pair(np.ones((4, 2)), np.ones((4, 3)), minimum=1)
    with pytest.raises(ValueError, match='"features_b" must have at least 5 rows'):
        as_feature_pair(np.ones((5, 2)), np.ones((4, 2)), minimum=5)
