import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms import Jitter, Repeat


def test_copies_stand_side_by_side_and_gradients_add_up(rng):
    images = tf.constant(rng.uniform(size=(2, 3, 4, 5)).astype("float32"))
    weights = rng.normal(size=(6, 3, 4, 5)).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        copies = Repeat(3)(images)
        loss = tf.reduce_sum(weights * copies)
    np.testing.assert_array_equal(copies, np.stack([images[0]] * 3 + [images[1]] * 3))
    np.testing.assert_allclose(tape.gradient(loss, images), weights.reshape(2, 3, 3, 4, 5).sum(1), atol=1e-6)


def test_each_copy_gets_its_own_draw(rng):
    images = tf.constant(rng.uniform(size=(1, 24, 24, 1)).astype("float32"))
    views = Jitter(16)(Repeat(4)(images)).numpy()
    assert len({view.tobytes() for view in views}) == 4


@pytest.mark.parametrize("count", [0, 2.0, True, None])
def test_bad_arguments(count):
    with pytest.raises(ValueError, match='"count" must be an integer of at least 1'):
        Repeat(count)
