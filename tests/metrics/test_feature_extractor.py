"""Images to features."""

import keras
import numpy as np
import pytest

from maco_tf.display import write_png
from maco_tf.metrics import FeatureExtractor, fit_image, inception_v3
from maco_tf.models import LOGITS
from tests.conftest import build_tiny_model


@pytest.fixture(scope="module")
def extractor(tiny_model):
    return FeatureExtractor(tiny_model, "conv", pooling="mean", batch_size=3)


@pytest.fixture
def images(rng):
    return rng.uniform(size=(7, 16, 16, 3)).astype("float32")


@pytest.fixture
def folder(tmp_path, rng):
    """Two classes, of three and two images of different sizes."""
    root = tmp_path / "images"
    for name, sizes in {"n02": [(20, 30), (16, 16), (40, 18)], "n01": [(16, 16), (25, 25)]}.items():
        for index, size in enumerate(sizes):
            write_png(root / name / f"{index}.png", rng.uniform(size=(*size, 3)))
    return root


def test_features_are_the_layers_output_flattened_or_averaged(tiny_model, images):
    oracle = keras.Model(tiny_model.input, tiny_model.get_layer("conv").output)(images).numpy()
    flat = FeatureExtractor(tiny_model, "conv")(images, verbose=0)
    np.testing.assert_allclose(flat, oracle.reshape(7, -1), atol=1e-6)
    mean = FeatureExtractor(tiny_model, "conv", pooling="mean")
    np.testing.assert_allclose(mean(images, verbose=0), oracle.mean(axis=(1, 2)), atol=1e-6)
    assert flat.dtype == np.float32
    assert mean.layer_shape == (16, 16, 4)


def test_logits_can_be_extracted(tiny_model, images):
    linear = build_tiny_model(activation=None)
    np.testing.assert_allclose(FeatureExtractor(tiny_model, LOGITS)(images, verbose=0), linear(images), atol=1e-6)


def test_images_are_fitted_and_preprocessed(tiny_model, rng):
    large = rng.uniform(size=(2, 40, 48, 3)).astype("float32")
    small = np.stack([fit_image(image, 16, 16, fit="stretch") for image in large])
    oracle = keras.Model(tiny_model.input, tiny_model.get_layer("pool").output)(2 * small - 1)
    found = FeatureExtractor(tiny_model, "pool", preprocessing="tf", fit="stretch")(large, verbose=0)
    np.testing.assert_allclose(found, oracle, atol=1e-5)


def test_batch_size_and_order_do_not_matter(tiny_model, extractor, images, rng):
    expected = extractor(images, verbose=0)
    for batch_size in (1, np.int64(2), 100):
        other = FeatureExtractor(tiny_model, "conv", pooling="mean", batch_size=batch_size)
        np.testing.assert_allclose(other(images, verbose=0), expected, atol=1e-6)
    order = rng.permutation(len(images))
    np.testing.assert_allclose(extractor(images[order], verbose=0), expected[order], atol=1e-6)


def test_a_folder_gives_its_features_class_by_class(folder, extractor):
    classes = extractor.by_class(folder, verbose=0)
    assert list(classes) == ["n01", "n02"]
    assert [len(features) for features in classes.values()] == [2, 3]
    one_by_one = [extractor([path], verbose=0) for path in sorted(folder.glob("*/*.png"))]
    np.testing.assert_allclose(np.concatenate(list(classes.values())), np.concatenate(one_by_one), atol=1e-6)
    np.testing.assert_allclose(extractor(folder, verbose=0), np.concatenate(one_by_one), atol=1e-6)


@pytest.mark.filterwarnings("ignore:1 damaged")
def test_a_damaged_file_leaves_the_other_rows_with_their_classes(folder, extractor, tmp_path):
    expected = extractor.by_class(folder, verbose=0)
    (folder / "n01" / "00.png").write_bytes(b"no picture")
    for _ in range(2):  # Computed, and read from the cache.
        classes = extractor.by_class(folder, cache=tmp_path / "cache", verbose=0)
        assert list(classes) == ["n01", "n02"]
        for name, features in expected.items():
            np.testing.assert_array_equal(classes[name], features)


@pytest.mark.slow
def test_inception_computes_its_applications_features_of_the_centre(rng):
    images = rng.uniform(size=(1, 310, 320, 3)).astype("float32")
    extractor = inception_v3(weights=None)
    model = extractor._activations.model
    centre = images[:, 5:304, 10:309]
    expected = model(keras.applications.inception_v3.preprocess_input(255.0 * centre), training=False)
    found = extractor(images, verbose=0)
    assert found.shape == (1, 2048)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_inception_without_its_weights_names_another_extractor(tmp_path):
    with pytest.raises(OSError, match="efficientnet_lite0"):
        inception_v3(weights=str(tmp_path / "missing.h5"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "convv"}, "Did you mean conv"),
        ({"layer": "<image>"}, '"layer"'),
        ({"pooling": "max"}, '"pooling"'),
        ({"pooling": False}, '"pooling"'),
        ({"fit": "pad"}, '"fit"'),
        ({"batch_size": 0}, '"batch_size"'),
        ({"batch_size": True}, '"batch_size"'),
        ({"batch_size": 2.0}, '"batch_size"'),
    ],
)
def test_wrong_arguments_are_refused(tiny_model, options, message):
    with pytest.raises(ValueError, match=message):
        FeatureExtractor(**{"model": tiny_model, "layer": "conv", **options})


@pytest.mark.filterwarnings("error")
def test_wrong_images_are_refused(extractor, folder):
    for images, message in [
        (np.zeros((0, 16, 16, 3)), "at least one image"),
        ([], "at least one image"),
        (np.zeros((2, 16, 16, 1)), "3 channels"),
        (np.full((2, 16, 16, 3), 255.0), r"\[0, 1\]"),
        (np.full((1, 16, 16, 3), np.nan), r"\[0, 1\]"),
    ]:
        with pytest.raises(ValueError, match=f'"images".*{message}'):
            extractor(images, verbose=0)
    write_png(folder / "stray.png", np.zeros((4, 4, 3)))
    with pytest.raises(ValueError, match=r'"folder".*stray\.png'):
        extractor.by_class(folder, verbose=0)
