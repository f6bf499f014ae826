import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms import Resize
from maco_tf.transforms.resize import resize_by_matrices


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("size", [(6, 5), (20, 31), (7, 40), (13, 17)])
@pytest.mark.parametrize("channels", [1, 5])
def test_against_tensorflow(size, antialias, channels, rng):
    images = rng.uniform(size=(2, 13, 17, channels)).astype("float32")
    expected = tf.image.resize(images, size, antialias=antialias)
    np.testing.assert_allclose(Resize(size, antialias)(tf.constant(images)), expected, atol=1e-5)
    np.testing.assert_allclose(resize_by_matrices(tf.constant(images), size, antialias), expected, atol=1e-5)


def test_a_pattern_finer_than_the_output_averages_out():
    """As black and white in turn along each axis: with one sample a pixel it turns into a false image."""
    stripes = tf.constant(np.indices((64, 64)).sum(0)[None, ..., None] % 2, tf.float32)
    assert Resize(24)(stripes).numpy()[0, 2:-2, 2:-2].std() < 0.1 * Resize(24, False)(stripes).numpy().std()


def test_one_number_is_both_sides():
    assert Resize(4)(tf.ones((1, 9, 6, 3))).shape == (1, 4, 4, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0,), '"size"'), (((4, 5, 3),), '"size"'), ((4.0,), '"size"'), ((4, "yes"), '"antialias"')],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Resize(*arguments)
