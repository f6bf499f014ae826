import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms import RandomFlip


@pytest.mark.parametrize(
    ("arguments", "mirrors"),
    [
        ({}, [(1, 1), (1, -1)]),
        ({"horizontal": False, "vertical": True}, [(1, 1), (-1, 1)]),
        ({"vertical": True}, [(1, 1), (1, -1), (-1, 1), (-1, -1)]),
    ],
)
@pytest.mark.parametrize("channels", [1, 5])
def test_every_mirror_image_is_equally_likely(arguments, mirrors, channels, rng):
    image = rng.uniform(size=(3, 4, channels)).astype("float32")
    flipped = RandomFlip(**arguments)(tf.constant(np.repeat(image[None], 1000, axis=0))).numpy()
    counts = [(flipped == image[::vertical, ::horizontal]).all((1, 2, 3)).sum() for vertical, horizontal in mirrors]
    assert sum(counts) == 1000
    np.testing.assert_allclose(counts, 1000 / len(mirrors), atol=5 * np.sqrt(1000 / len(mirrors)))


def test_the_same_flips_twice_change_nothing(rng):
    images = tf.constant(rng.uniform(size=(16, 5, 4, 3)).astype("float32"))
    once, again = RandomFlip(vertical=True), RandomFlip(vertical=True)
    assert not np.array_equal(once(images), images)
    np.testing.assert_array_equal(again(RandomFlip(vertical=True)(images)), images)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((False, False), '"horizontal" or "vertical"'), (("left",), '"horizontal"'), ((True, 1), '"vertical"')],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandomFlip(*arguments)
