"""The validators: NumPy's numbers pass, flags are not numbers, and messages name the argument."""

import warnings

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import checks
from maco_tf.checks import (
    check_choice,
    check_flag,
    check_integer,
    check_number,
    check_shape,
    check_shard,
    check_size,
    settled,
    unit_range,
)


@pytest.mark.parametrize("value", [3, np.int8(3), np.int64(3), np.uint16(3)])
def test_integers(value):
    found = check_integer("steps", value, 1, 3)
    assert (found, type(found)) == (3, int)


@pytest.mark.parametrize(
    ("value", "limits", "requirement"),
    [
        (True, (), "an integer."),
        (np.True_, (1,), "an integer of at least 1."),
        (2.0, (1,), "an integer of at least 1."),
        ("2", (1, 5), "an integer from 1 to 5."),
        (6, (1, 5), "an integer from 1 to 5."),
        (6, (None, 5), "an integer of at most 5."),
        (None, (), "an integer."),
    ],
)
def test_other_values_are_no_integers(value, limits, requirement):
    with pytest.raises(ValueError, match=f'"steps" must be {requirement} Received: '):
        check_integer("steps", value, *limits)


@pytest.mark.parametrize("value", [0.5, np.float16(0.5), np.float32(0.5), np.float64(0.5)])
def test_numbers(value):
    found = check_number("std", value, above=0, most=0.5)
    assert (found, type(found)) == (0.5, float)
    assert check_number("std", np.int64(2)) == 2.0


@pytest.mark.parametrize(
    ("value", "limits", "requirement"),
    [
        (True, {}, "a finite number."),
        (np.True_, {}, "a finite number."),
        (float("nan"), {}, "a finite number."),
        (float("inf"), {"least": 0}, "a finite number of at least 0."),
        (-1, {"least": 0}, "a finite number of at least 0."),
        (0, {"above": 0, "most": 1}, "a finite number above 0 and of at most 1."),
        (1.5, {"most": 1}, "a finite number of at most 1."),
        ("1", {}, "a finite number."),
        (1 + 0j, {}, "a finite number."),
        (10**400, {}, "a finite number."),
    ],
)
def test_other_values_are_no_numbers(value, limits, requirement):
    with pytest.raises(ValueError, match=f'"std" must be {requirement} Received: '):
        check_number("std", value, **limits)


def test_flags():
    assert check_flag("inside", np.True_) is True
    assert check_flag("inside", False) is False
    for wrong in (0, 1, "yes", None):
        with pytest.raises(ValueError, match='"inside" must be True or False'):
            check_flag("inside", wrong)


def test_choices():
    assert check_choice("fit", "cover", ("cover", "crop")) == "cover"
    assert check_choice("fit", None, (None, "crop")) is None
    # A dtype is equal to its name, and 1 is equal to True, but they are not the same choices.
    for wrong, choices in ((tf.float32, ("float32",)), (1, (True,)), ("x", ("y",)), ([], ("y",))):
        with pytest.raises(ValueError, match='"fit" must be one of'):
            check_choice("fit", wrong, choices)


def test_sizes_and_shapes():
    assert check_size("size", np.int32(5)) == (5, 5)
    assert check_size("size", [4, np.int64(6)]) == (4, 6)
    for wrong in (0, (1, 2, 3), (4, 0), 2.5, True):
        with pytest.raises(ValueError, match='"size" must be'):
            check_size("size", wrong)
    assert check_shape("input_shape", (np.int64(4), 5, 3)) == (4, 5, 3)
    for wrong in ((4, 5), (4, 5, 0), (4, None, 3), 5, (True, 5, 3)):
        with pytest.raises(ValueError, match='"input_shape" must be'):
            check_shape("input_shape", wrong)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "uint64"])
def test_integers_of_every_dtype_count_to_255(dtype):
    found = unit_range("images", np.array([[0, 51, 255]], dtype))
    np.testing.assert_array_equal(found, np.array([[0, 0.2, 1]], "float32"))
    assert found.dtype == np.float32


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ml_dtypes.bfloat16])
def test_floating_point_values_lie_in_the_unit_range(dtype):
    np.testing.assert_array_equal(unit_range("images", np.array([0, 0.5, 1], dtype)), np.array([0, 0.5, 1], "float32"))
    np.testing.assert_array_equal(unit_range("images", tf.constant([0.0, 1.0])), [0, 1])


def test_rounding_beyond_the_range_is_clipped():
    np.testing.assert_array_equal(unit_range("images", [-0.0005, 1.0005]), [0, 1])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.array([0, 256]), r"must lie in \[0, 255\].*values from 0 to 256"),
        (np.array([-1, 3]), r"must lie in \[0, 255\]"),
        (np.array([0.0, 255.0]), r"must lie in \[0, 1\].*values from 0 to 255"),
        (np.array([0.0, np.nan]), "must lie in"),
        (np.array(["a"]), "as numbers"),
        (np.array([True]), "as numbers"),
        ([np.zeros((2, 2)), np.zeros((3, 3))], "images of one size"),
        (None, "as numbers"),
    ],
)
def test_other_images_are_refused(images, message):
    with pytest.raises(ValueError, match=f'"images" .*{message}'):
        unit_range("images", images)


def test_settled_values():
    assert settled(0) == 0
    with pytest.raises(RuntimeError, match="resolved"):
        settled(None)


def test_a_warning_points_at_the_users_line():
    # The body runs as if it were a function of the package, called by this test.
    namespace = {"__name__": "maco_tf.inner", "warn_user": checks.warn_user}
    exec("def inner():\n    warn_user('text')\n\ndef outer():\n    inner()", namespace)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        namespace["outer"]()
    assert [warning.filename for warning in caught] == [__file__]


def test_shards():
    found = check_shard([np.int64(3), 4])
    assert found == (3, 4)
    assert [type(number) for number in found] == [int, int]
    for wrong in ((4, 4), (-1, 4), (0, 0), (0,), "0/4", 2, (True, 2), (0.0, 2)):
        with pytest.raises(ValueError, match='"shard" must be'):
            check_shard(wrong)
