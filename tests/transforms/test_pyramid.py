import numpy as np
import tensorflow as tf

from maco_tf.transforms.pyramid import choose_levels, count_levels, halve, level_extents, pixel_shares


def test_levels_follow_the_pixels_of_a_crop():
    def level(side, pixels=512, size=224):
        levels = count_levels(pixels / size)
        return choose_levels(tf.fill((1, 2), side), (pixels, pixels), (size, size), levels).numpy()[0]

    assert [count_levels(ratio) for ratio in (0.5, 1.15, 1.16, 2.3, 2.31, 4.7)] == [1, 1, 2, 2, 3, 4]
    assert [level(side) for side in (1.0, 0.51, 0.5, 0.05)] == [1, 1, 0, 0]
    assert level(1.0, 1280) == 3
    assert level(1.0, 200) == 0
    # The axis with more pixels per output pixel decides.
    assert choose_levels(tf.constant([[0.1, 1.0]]), (64, 64), (16, 16), 4).numpy()[0] == 2


def test_half_the_size_is_the_mean_of_two_by_two(rng):
    images = rng.uniform(size=(2, 6, 8, 3)).astype("float32")
    expected = images.reshape(2, 3, 2, 4, 2, 3).mean((2, 4))
    np.testing.assert_allclose(halve(tf.constant(images)), expected, atol=1e-6)
    # An odd side is extended by its edge.
    ramp = tf.reshape(tf.constant([0.0, 1.0, 5.0]), (1, 1, 3, 1))
    np.testing.assert_allclose(halve(ramp)[0, 0, :, 0], [0.5, 5.0])


def test_extents_and_shares_by_hand():
    assert level_extents(7, 4) == [7, 4, 2, 1]
    expected = [[1, 1, 1, 1, 1], [0.5, 0.5, 0.5, 0.5, 1], [0.25, 0.25, 0.25, 0.25, 1]]
    np.testing.assert_array_equal(pixel_shares(5, 3), expected)
