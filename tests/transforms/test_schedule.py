import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms.schedule import bounds, check_amount, check_schedule, evaluate


def test_values_by_hand():
    assert float(evaluate(0.3, 5, 10)) == pytest.approx(0.3)
    assert [float(evaluate((1.0, 0.0), step, 5)) for step in range(5)] == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    assert float(evaluate((1.0, 0.0), 0, 1)) == 1.0
    assert float(evaluate(lambda step: 2 * step, 4, 10)) == 8.0
    assert float(evaluate(lambda step: 0.5 if step < 2 else 0.25, 3, 4)) == 0.25
    cosine = keras.optimizers.schedules.CosineDecay(1.0, 10)
    assert float(evaluate(cosine, 5, 10)) == pytest.approx(0.5)


def test_checked_schedules_are_plain_python():
    assert repr(check_schedule("noise", [np.float32(0.5), 1])) == "(0.5, 1.0)"
    assert repr(check_schedule("noise", np.int64(2))) == "2.0"
    assert check_schedule("noise", abs) is abs


def test_bounds():
    assert bounds(0.5) == (0.5, 0.5)
    assert bounds((1.0, 0.25)) == (0.25, 1.0)
    assert bounds(abs) is None


@pytest.mark.parametrize("schedule", ["fast", (1, 2, 3), None, True, (1, "2"), float("nan")])
def test_bad_schedules(schedule):
    with pytest.raises(ValueError, match='"noise" must be a finite number'):
        check_schedule("noise", schedule)


def test_a_callable_may_be_any_python():
    compiled = tf.function(lambda step: evaluate(lambda i: 1.0 if i < 2 else 0.0, step, 4), autograph=False)
    assert [float(compiled(tf.constant(step))) for step in range(4)] == [1, 1, 0, 0]
    with pytest.raises(ValueError, match="finite number at every step"):
        evaluate(lambda step: float("nan"), 0, 3)


def test_amounts_must_not_be_negative():
    for schedule in (-0.1, (0.1, -0.1)):
        with pytest.raises(ValueError, match='"std" must not be negative'):
            check_amount("std", schedule)
