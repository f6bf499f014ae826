import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.display import write_png
from maco_tf.metrics import FeatureExtractor, ImageSet, fit_image, inception_v3
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
    """Two classes of three and two images, of different sizes, and files that are none."""
    root = tmp_path / "images"
    for name, sizes in {"n02": [(20, 30), (16, 16), (40, 18)], "n01": [(16, 16), (25, 25)]}.items():
        for index, size in enumerate(sizes):
            write_png(root / name / f"{index}.png", rng.uniform(size=(*size, 3)))
        (root / name / "notes.txt").write_text("no image")
    return root


def test_features_are_the_layers_own(tiny_model, images):
    oracle = keras.Model(tiny_model.input, tiny_model.get_layer("conv").output)(images).numpy()
    flat = FeatureExtractor(tiny_model, "conv")(images, verbose=0)
    np.testing.assert_allclose(flat, oracle.reshape(7, -1), atol=1e-6)
    mean = FeatureExtractor(tiny_model, "conv", pooling="mean")(images, verbose=0)
    np.testing.assert_allclose(mean, oracle.mean(axis=(1, 2)), atol=1e-6)
    assert flat.dtype == mean.dtype == np.float32


def test_images_are_fitted_and_preprocessed(tiny_model, rng):
    large = rng.uniform(size=(2, 40, 48, 3)).astype("float32")
    small = np.stack([fit_image(image, 16, 16, fit="stretch") for image in large])
    oracle = keras.Model(tiny_model.input, tiny_model.get_layer("pool").output)(2 * small - 1)
    found = FeatureExtractor(tiny_model, "pool", preprocessing="tf", fit="stretch")(large, verbose=0)
    np.testing.assert_allclose(found, oracle, atol=1e-5)


def test_neither_batch_size_nor_order_matters(tiny_model, extractor, images, rng):
    expected = extractor(images, verbose=0)
    for batch_size in (1, 2, 100):
        other = FeatureExtractor(tiny_model, "conv", pooling="mean", batch_size=batch_size)
        np.testing.assert_allclose(other(images, verbose=0), expected, atol=1e-6)
    order = rng.permutation(len(images))
    np.testing.assert_allclose(extractor(images[order], verbose=0), expected[order], atol=1e-6)


def test_every_form_of_one_set_gives_the_same(extractor, rng):
    images = rng.integers(0, 256, (5, 16, 16, 3)).astype("uint8")
    expected = extractor(images, verbose=0)
    dataset = tf.data.Dataset.from_tensor_slices((images, np.arange(5)))
    for form in (images / np.float32(255), list(images), dataset, dataset.batch(2), tf.constant(images)):
        np.testing.assert_allclose(extractor(form, verbose=0), expected, atol=1e-5)


def test_a_folder_is_read_in_kerass_order(folder, extractor):
    listing = keras.utils.image_dataset_from_directory(folder, shuffle=False, verbose=False)
    alone = np.concatenate([extractor([path], verbose=0) for path in listing.file_paths])
    np.testing.assert_allclose(extractor(folder, verbose=0), alone, atol=1e-6)
    classes = extractor.by_class(folder, verbose=0)
    assert list(classes) == listing.class_names == ["n01", "n02"]
    np.testing.assert_allclose(np.concatenate(list(classes.values())), alone, atol=1e-6)
    assert [len(features) for features in classes.values()] == [2, 3]


def test_linked_folders_are_read(folder, extractor, tmp_path):
    (tmp_path / "linked").mkdir()
    for name in ("n01", "n02"):
        (tmp_path / "linked" / name).symlink_to(folder / name, target_is_directory=True)
    np.testing.assert_array_equal(extractor(tmp_path / "linked", verbose=0), extractor(folder, verbose=0))


def test_files_are_rgb_and_grey_where_the_model_is(tmp_path):
    path = write_png(tmp_path / "red.png", np.full((4, 4, 3), (1.0, 0.0, 0.0)))
    np.testing.assert_array_equal(next(iter(ImageSet([path])))[0, 0], (1, 0, 0))
    grey = next(iter(ImageSet(tmp_path, channels=1)))
    assert grey.shape == (4, 4, 1)
    assert grey[0, 0, 0] == pytest.approx(0.299, abs=0.003)


def count_runs(monkeypatch):
    runs = []
    compute = FeatureExtractor._compute

    def counting(self, images, verbose):
        runs.append(images.count)
        return compute(self, images, verbose)

    monkeypatch.setattr(FeatureExtractor, "_compute", counting)
    return runs


def test_the_cache_is_hit_by_the_same_and_missed_by_anything_else(folder, images, tmp_path, monkeypatch):
    runs = count_runs(monkeypatch)
    cache = tmp_path / "cache"
    model = build_tiny_model()

    def features(images=images, model=model, layer="conv", **options):
        return FeatureExtractor(model, layer, **options)(images, cache=cache, verbose=0)

    first = features()
    np.testing.assert_array_equal(features(), first)
    # The same function under another name, and a model of the same weights.
    np.testing.assert_array_equal(features(model=build_tiny_model(), batch_size=2), first)
    assert len(runs) == 1
    changed = images.copy()
    changed[3, 2, 1, 0] += 0.01 if changed[3, 2, 1, 0] < 0.5 else -0.01
    misses = [
        features(changed),
        features(images[::-1]),
        features(model=build_tiny_model(seed=1)),
        features(layer="second"),
        features(pooling="mean"),
        features(preprocessing="tf"),
        features(fit="stretch"),
        features(preprocessing=lambda images: images**2),
        features(preprocessing=lambda images: images**3),
    ]
    assert len(runs) == 1 + len(misses)
    np.testing.assert_array_equal(features(preprocessing=lambda images: images**3), misses[-1])
    assert len(runs) == 1 + len(misses)


def test_a_cache_made_before_finds_the_same_files_and_keeps_what_is_made_of_features_apart(
    extractor, images, tmp_path, monkeypatch
):
    runs = count_runs(monkeypatch)
    first = extractor(images, cache=tmp_path, verbose=0)
    cache = extractor.cache_in(tmp_path)
    np.testing.assert_array_equal(extractor(images, cache=cache, verbose=0), first)
    assert runs == [7]
    digest = ImageSet(images).digest()
    made = extractor.cache_in(tmp_path, power=2)
    assert made.read(digest) is None
    made.write(digest, first**2)
    np.testing.assert_array_equal(extractor.cache_in(tmp_path, power=2).read(digest), first**2)
    assert extractor.cache_in(tmp_path, power=3).read(digest) is None
    np.testing.assert_array_equal(cache.read(digest), first)


def test_folders_are_cached_by_their_contents(folder, extractor, tmp_path, monkeypatch):
    runs = count_runs(monkeypatch)
    extractor(folder, cache=tmp_path / "cache", verbose=0)
    (folder / "n01").rename(folder / "n00")
    assert list(extractor.by_class(folder, cache=tmp_path / "cache", verbose=0)) == ["n00", "n02"]
    assert runs == [5]
    write_png(folder / "n00" / "0.png", np.zeros((16, 16, 3)))
    extractor(folder, cache=tmp_path / "cache", verbose=0)
    assert runs == [5, 5]


def test_a_broken_cache_is_computed_again(extractor, images, tmp_path):
    first = extractor(images, cache=tmp_path, verbose=0)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    for broken in (b"", b"not an archive", whole[:-30], whole[: len(whole) // 2], bytes(flipped)):
        path.write_bytes(broken)
        with pytest.warns(UserWarning, match="computed again"):
            np.testing.assert_allclose(extractor(images, cache=tmp_path, verbose=0), first, atol=1e-6)
        assert list(tmp_path.iterdir()) == [path]
        assert len(path.read_bytes()) == len(whole)


def test_inception_is_wired_as_its_application(rng):
    images = rng.uniform(size=(1, 310, 320, 3)).astype("float32")
    extractor = inception_v3(weights=None)
    model = extractor._activations.model
    centre = images[:, 5:304, 10:309]
    expected = model(keras.applications.inception_v3.preprocess_input(255.0 * centre), training=False)
    found = extractor(images, verbose=0)
    assert found.shape == (1, 2048)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_inception_without_its_weights_names_another_way(tmp_path):
    with pytest.raises(OSError, match="efficientnet_lite0"):
        inception_v3(weights=str(tmp_path / "missing.h5"))


@pytest.mark.filterwarnings("error")
def test_hostile_input(tiny_model, extractor, folder, tmp_path):
    with pytest.raises(ValueError, match="Did you mean conv"):
        FeatureExtractor(tiny_model, "convv")
    with pytest.raises(ValueError, match='"pooling"'):
        FeatureExtractor(tiny_model, "conv", pooling="max")
    with pytest.raises(ValueError, match='"batch_size"'):
        FeatureExtractor(tiny_model, "conv", batch_size=0)
    with pytest.raises(ValueError, match="the image itself"):
        FeatureExtractor(tiny_model, "<image>")
    for images, message in [
        (np.zeros((0, 16, 16, 3)), "at least one image"),
        ([], "at least one image"),
        (np.zeros((2, 16, 16, 1)), "3 channels"),
        (np.full((2, 16, 16, 3), 255.0), r"\[0, 1\]"),
        (np.full((1, 16, 16, 3), np.nan), r"\[0, 1\]"),
        (np.zeros((16, 16, 3)), r"images\[\.\.\., None\]"),
        ([np.zeros((16, 16))], r"image\[\.\.\., None\]"),
        (None, "must be an array"),
        (tmp_path / "nowhere", "folder that exists"),
    ]:
        with pytest.raises(ValueError, match=message):
            extractor(images, verbose=0)
    with pytest.raises(ValueError, match=r"tf\.data\.Dataset"):
        extractor(tf.data.Dataset.from_tensors(np.zeros((16, 16, 3))), cache=tmp_path, verbose=0)
    write_png(folder / "stray.png", np.zeros((4, 4, 3)))
    with pytest.raises(ValueError, match=r"stray\.png, which lies in none"):
        extractor.by_class(folder, verbose=0)
    (folder / "n01" / "0.png").write_bytes(b"no png")
    with pytest.raises(ValueError, match=r"0\.png, which OpenCV cannot decode"):
        extractor(folder, verbose=0)


def test_logits_are_a_layer_too(tiny_model, images):
    linear = build_tiny_model(activation=None)
    np.testing.assert_allclose(FeatureExtractor(tiny_model, LOGITS)(images, verbose=0), linear(images), atol=1e-6)
