import keras
import pytest
import tensorflow as tf

from maco_tf.transforms.schedule import check_amount, check_schedule, evaluate


def test_values_by_hand():
    assert float(evaluate(0.3, 5, 10)) == pytest.approx(0.3)
    assert [float(evaluate((1.0, 0.0), step, 5)) for step in range(5)] == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    assert float(evaluate((1.0, 0.0), 0, 1)) == 1.0
    assert float(evaluate(lambda step: 2 * step, 4, 10)) == 8.0
    assert float(evaluate(lambda step: 0.5 if step < 2 else 0.25, 3, 4)) == 0.25
    cosine = keras.optimizers.schedules.CosineDecay(1.0, 10)
    assert float(evaluate(cosine, 5, 10)) == pytest.approx(0.5)


@pytest.mark.parametrize("schedule", ["fast", (1, 2, 3), None, True, (1, "2"), float("nan")])
def test_bad_schedules_are_refused(schedule):
    with pytest.raises(ValueError, match='"noise" must be a finite number'):
        check_schedule("noise", schedule)


def test_any_python_schedule_works_inside_a_graph():
    compiled = tf.function(lambda step: evaluate(lambda i: 1.0 if i < 2 else 0.0, step, 4), autograph=False)
    assert [float(compiled(tf.constant(step))) for step in range(4)] == [1, 1, 0, 0]
    with pytest.raises(ValueError, match="finite numbers"):
        evaluate(lambda step: float("nan"), 0, 3)


def test_amounts_are_not_negative():
    for schedule in (-0.1, (0.1, -0.1)):
        with pytest.raises(ValueError, match='"std" must not be negative'):
            check_amount("std", schedule)
