from pathlib import Path

import keras
import numpy as np
import pytest

from maco_tf.models.model_file import check_model_file, load_model_file
from tests.conftest import build_tiny_model


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "tiny.keras"
    build_tiny_model().save(path)
    return path


def test_a_model_comes_back_with_its_weights(saved, rng):
    images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    np.testing.assert_array_equal(load_model_file(saved)(images), build_tiny_model()(images))


def test_a_big_vision_checkpoint_is_read():
    model = load_model_file(Path(__file__).parent / "fixtures" / "flexivit.npz")
    assert model.input_shape[1:] == (240, 240, 3)


def test_a_file_that_does_not_exist(tmp_path):
    with pytest.raises(ValueError, match=r'"models" must be a file that exists\. Received: .*absent\.keras'):
        check_model_file(tmp_path / "absent.keras", argument="models")


@pytest.mark.parametrize("ending", [".keras", ".h5", ".npz"])
def test_another_file_under_the_name_of_a_model_is_called_damaged(tmp_path, ending):
    path = tmp_path / f"model{ending}"
    path.write_text("<html>404</html>")
    with pytest.raises(ValueError, match=r"16 bytes.*damaged") as raised:
        load_model_file(path)
    assert "not found" not in str(raised.value).lower()


def test_an_incomplete_file_is_called_damaged(saved):
    saved.write_bytes(saved.read_bytes()[:-200])
    with pytest.raises(ValueError, match="damaged"):
        load_model_file(saved)


def test_damage_inside_the_archive_is_reported(saved):
    content = bytearray(saved.read_bytes())
    content[60:160] = bytes(100)
    saved.write_bytes(content)
    with pytest.raises(
        ValueError, match=r'"path" must be a file from which Keras can load a model\. Received: .*keras'
    ):
        load_model_file(saved)


def test_weights_alone_are_refused(tmp_path):
    path = tmp_path / "tiny.weights.h5"
    build_tiny_model().save_weights(path)
    with pytest.raises(ValueError, match="weights only"):
        load_model_file(path)


def test_a_layer_that_is_not_known_is_named_with_the_remedy(tmp_path):
    class Unregistered(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((8, 8, 3)), Unregistered()]).save(path)
    with pytest.raises(ValueError, match=r"Unregistered.*--import"):
        load_model_file(path)


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.keras"):
        check_model_file(tmp_path / "model.pt")
