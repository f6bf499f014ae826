import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms import Pad


@pytest.mark.parametrize(("value", "numpys"), [(0.25, {"constant_values": 0.25}), ("reflect", {"mode": "reflect"})])
@pytest.mark.parametrize("channels", [1, 5])
def test_against_numpy(value, numpys, channels, rng):
    images = rng.uniform(size=(2, 7, 4, channels)).astype("float32")
    padded = Pad(3, value)(tf.constant(images))
    np.testing.assert_array_equal(padded, np.pad(images, [(0, 0), (3, 3), (3, 3), (0, 0)], **numpys))


def test_grey_is_the_default_and_no_border_changes_nothing(rng):
    images = tf.constant(rng.uniform(size=(1, 4, 4, 3)).astype("float32"))
    assert float(Pad(2)(images)[0, 0, 0, 0]) == 0.5
    np.testing.assert_array_equal(Pad(0)(images), images)


def test_mirroring_needs_an_image_larger_than_the_border():
    with pytest.raises(ValueError, match=r'"pixels" must be less than .* Received: 5, and images of 9 x 5 pixels'):
        Pad(5, "reflect")(tf.zeros((1, 9, 5, 3)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1,), '"pixels"'),
        ((1.5,), '"pixels"'),
        ((True,), '"pixels"'),
        ((1, "mirror"), '"value"'),
        ((1, None), '"value"'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Pad(*arguments)
