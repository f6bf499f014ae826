"""Unit numbers of every accepted and refused type."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.objectives.units import as_units, check_units


@pytest.mark.parametrize(
    "units",
    [
        *(3, np.int64(3), np.uint8(3), [3], (3,), range(3, 4), np.array([3]), np.array(3), [np.array(3)]),
        *(tf.constant(3), tf.constant([3], "int64"), [tf.constant(3)], tf.Variable(3)),
        *(keras.Variable(3, dtype="int32"), keras.Variable([3], dtype="int32"), tf.argmax([0, 1, 2, 5])),
    ],
)
def test_integers_and_sequences_of_python_and_numpy(units):
    found = as_units("channels", units)
    assert found.dtype == "int32"
    assert found.tolist() == [3]


@pytest.mark.parametrize(
    "units",
    [
        *(-1, 1.5, "a", "12", [], None, [1, -2], True, np.True_, [True, 1], 2**31, np.array([[1, 2]]), [[1], [2]]),
        *(tf.constant(1.0), np.array(1.0), np.array(True), tf.constant([[1]]), keras.Variable(-1, dtype="int32")),
    ],
)
def test_anything_else_is_refused(units):
    with pytest.raises(ValueError, match='"channels"'):
        as_units("channels", units)


def test_units_must_exist():
    check_units("channels", np.array([0, 6]), 7, "the layer")
    check_units("channels", np.array([100]), None, "the layer")
    with pytest.raises(ValueError, match=r'"channels" must lie in 0\.\.6.*Received: 7'):
        check_units("channels", np.array([0, 7]), 7, "the layer")
