import numpy as np
import pytest
import tensorflow as tf

from maco_tf.parametrizations import Parametrization, PixelParametrization
from maco_tf.parametrizations.parametrization import normal_start, refuse_start_with


class Constant(Parametrization):
    """One grey level for each image, without a map from images to variables."""

    def initialize(self, seed):
        return [tf.zeros((self.batch_size,))]

    def image(self, variables):
        return tf.sigmoid(variables[0])[:, None, None, None] * tf.ones(self.image_shape)


def test_a_parametrization_without_an_inverse_cannot_start_at_an_image():
    grey = Constant((2, 3, 1), 4)
    np.testing.assert_array_equal(grey.image(grey.initialize(0)), np.full((4, 2, 3, 1), 0.5))
    with pytest.raises(ValueError, match='"start" must be None: Constant cannot start at an image'):
        grey.from_images(np.zeros((4, 2, 3, 1), "float32"))


def test_a_normal_start_does_not_depend_on_the_batch():
    one, two = (normal_start(3, count, (50, 60), 0.5).numpy() for count in (1, 2))
    np.testing.assert_array_equal(one[0], two[0])
    assert abs(one.mean()) < 0.03
    assert abs(one.std() - 0.5) < 0.03
    assert abs(np.corrcoef(two[0].ravel(), two[1].ravel())[0, 1]) < 0.05
    assert not np.array_equal(one, normal_start(4, 1, (50, 60), 0.5))


def test_a_setting_that_changes_the_image_forbids_a_start():
    for value in (0, 0.0, False):
        refuse_start_with("image_blur", value)
    with pytest.raises(ValueError, match='"start" must be None while "image_blur" is on'):
        refuse_start_with("image_blur", 0.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [("image_shape", (8, 8)), ("image_shape", (8, 0, 3)), ("image_shape", 8), ("batch_size", 0), ("batch_size", 1.5)],
)
def test_wrong_shapes_are_named(name, value):
    with pytest.raises(ValueError, match=f'"{name}" must be'):
        PixelParametrization(**{"image_shape": (8, 8, 3), name: value})
