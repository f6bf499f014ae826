"""The argument `preprocessing`: nothing, a function, or one of Keras's modes."""

import keras
import numpy as np
import pytest

from maco_tf.models import as_preprocessing


def test_none_changes_nothing_and_a_callable_is_used():
    images = np.ones((1, 2, 2, 3), "float32")
    assert as_preprocessing(None)(images) is images
    np.testing.assert_array_equal(as_preprocessing(lambda x: 2 * x - 1)(3 * images), 5 * images)


@pytest.mark.parametrize(("family", "white"), [("mobilenet_v2", 1.0), ("efficientnet", 255.0)])
def test_a_function_of_keras_gets_images_up_to_255(family, white):
    function = getattr(keras.applications, family).preprocess_input
    images = keras.ops.convert_to_tensor(np.ones((1, 2, 2, 3), "float32"))
    np.testing.assert_allclose(as_preprocessing(function)(images), np.full((1, 2, 2, 3), white))


def test_0_255_by_hand():
    np.testing.assert_allclose(as_preprocessing("0-255")(np.array([[[[0.0, 0.5, 1.0]]]])), [[[[0.0, 127.5, 255.0]]]])


def test_tf_by_hand():
    np.testing.assert_allclose(as_preprocessing("tf")(np.array([[[[0.0, 0.5, 1.0]]]])), [[[[-1.0, 0.0, 1.0]]]])


def test_torch_by_hand():
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    image = keras.ops.convert_to_tensor((mean + 2 * deviation)[None, None, None].astype("float32"))
    np.testing.assert_allclose(as_preprocessing("torch")(image), np.full((1, 1, 1, 3), 2.0), atol=1e-5)


def test_caffe_by_hand():
    image = keras.ops.convert_to_tensor([[[[0.2, 0.4, 0.6]]]])
    # BGR, minus ImageNet's mean.
    expected = [[[[153 - 103.939, 102 - 116.779, 51 - 123.68]]]]
    np.testing.assert_allclose(as_preprocessing("caffe")(image), expected, atol=1e-3)


@pytest.mark.parametrize("value", ["imagenet", "", 0, np.zeros(2), ("tf",)], ids=repr)
def test_anything_else_is_refused(value):
    with pytest.raises(ValueError, match=r'"preprocessing" must be .*"?0-255.*\. Received: '):
        as_preprocessing(value)
