"""Networks of `keras.applications`."""

import keras
import numpy as np
import pytest

from maco_tf.models.zoo.applications import _module, application_names, load_application


def test_names_are_networks_and_not_modules():
    names = application_names()
    assert {"ResNet50V2", "MobileNet", "ConvNeXtTiny"} <= set(names)
    assert all(callable(getattr(keras.applications, name)) for name in names)


def test_every_network_has_the_preprocessing_of_its_family():
    modules = {name: _module(name).__name__.rpartition(".")[2] for name in application_names()}
    assert (modules["MobileNet"], modules["MobileNetV3Small"]) == ("mobilenet", "mobilenet_v3")
    assert (modules["ResNet50"], modules["ResNet50V2"]) == ("resnet", "resnet_v2")


@pytest.mark.slow
def test_the_preprocessing_is_part_of_the_network(rng):
    model = load_application("MobileNet", weights=None)
    images = rng.uniform(size=(1, 224, 224, 3)).astype("float32")
    plain = keras.applications.MobileNet(weights=None)
    plain.set_weights(model.get_weights())
    expected = plain(keras.applications.mobilenet.preprocess_input(255.0 * images))
    np.testing.assert_allclose(model(images), expected, atol=1e-5)
    assert model.get_layer("conv_pw_13_relu").name == "conv_pw_13_relu"


@pytest.mark.slow
def test_weights_that_cannot_be_read_are_an_os_error(tmp_path):
    path = tmp_path / "broken.weights.h5"
    path.write_bytes(b"not a weight file")
    with pytest.raises(OSError, match=r"broken\.weights\.h5.*MobileNet"):
        load_application("MobileNet", weights=str(path))
