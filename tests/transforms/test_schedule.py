import keras
import pytest

from maco_tf.transforms.schedule import check_schedule, evaluate


def test_values_by_hand():
    assert float(evaluate(0.3, 5, 10)) == pytest.approx(0.3)
    assert [float(evaluate((1.0, 0.0), step, 5)) for step in range(5)] == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    assert float(evaluate((1.0, 0.0), 0, 1)) == 1.0
    assert float(evaluate(lambda step: 2 * step, 4, 10)) == 8.0
    cosine = keras.optimizers.schedules.CosineDecay(1.0, 10)
    assert float(evaluate(cosine, 5, 10)) == pytest.approx(0.5)


@pytest.mark.parametrize("schedule", ["fast", (1, 2, 3), None, True, (1, "2")])
def test_bad_schedules_are_refused(schedule):
    with pytest.raises(ValueError, match='"noise" must be a number'):
        check_schedule("noise", schedule)
