"""Features kept on disk: found again by the same images, weights and settings, and by nothing else."""

import numpy as np
import pytest
import tensorflow as tf

from maco_tf.display import write_png
from maco_tf.metrics import FeatureExtractor, ImageSet
from tests.conftest import build_tiny_model


@pytest.fixture
def extractor(tiny_model):
    return FeatureExtractor(tiny_model, "conv", pooling="mean")


@pytest.fixture
def images(rng):
    return rng.uniform(size=(7, 16, 16, 3)).astype("float32")


@pytest.fixture
def runs(monkeypatch):
    """A list that grows by the number of images whenever features are computed."""
    runs = []
    compute = FeatureExtractor._compute

    def counting(self, images, verbose):
        runs.append(images.count)
        return compute(self, images, verbose)

    monkeypatch.setattr(FeatureExtractor, "_compute", counting)
    return runs


def test_the_same_extractor_and_images_are_found_and_any_change_is_computed(images, tmp_path, runs):
    model = build_tiny_model()

    def features(images=images, model=model, layer="conv", **options):
        return FeatureExtractor(model, layer, **options)(images, cache=tmp_path, verbose=0)

    first = features()
    np.testing.assert_array_equal(features(), first)
    # Another model with the same weights, and another batch size, give the same features.
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


def test_an_open_cache_shares_files_with_its_folder_and_separates_derived_values(extractor, images, tmp_path, runs):
    first = extractor(images, cache=tmp_path, verbose=0)
    cache = extractor.cache_in(tmp_path)
    np.testing.assert_array_equal(extractor(images, cache=cache, verbose=0), first)
    assert runs == [7]
    digest = ImageSet(images).digest()
    derived = extractor.cache_in(tmp_path, power=2)
    assert derived.read(digest) is None
    derived.write(digest, first**2)
    np.testing.assert_array_equal(extractor.cache_in(tmp_path, power=2).read(digest), first**2)
    assert extractor.cache_in(tmp_path, power=3).read(digest) is None
    np.testing.assert_array_equal(cache.read(digest), first)


def test_files_are_found_by_their_contents(extractor, tmp_path, rng, runs):
    folder, cache = tmp_path / "images", tmp_path / "cache"
    for name in ("n01", "n02"):
        write_png(folder / name / "0.png", rng.uniform(size=(16, 16, 3)))
    extractor(folder, cache=cache, verbose=0)
    (folder / "n01").rename(folder / "n00")
    assert list(extractor.by_class(folder, cache=cache, verbose=0)) == ["n00", "n02"]
    assert runs == [2]
    write_png(folder / "n00" / "0.png", np.zeros((16, 16, 3)))
    extractor(folder, cache=cache, verbose=0)
    assert runs == [2, 2]


def test_a_damaged_file_is_computed_again(extractor, images, tmp_path):
    first = extractor(images, cache=tmp_path, verbose=0)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    for damaged in (b"", b"not an archive", whole[:-30], whole[: len(whole) // 2], bytes(flipped)):
        path.write_bytes(damaged)
        with pytest.warns(UserWarning, match="computed again"):
            np.testing.assert_allclose(extractor(images, cache=tmp_path, verbose=0), first, atol=1e-6)
        assert list(tmp_path.iterdir()) == [path]
        assert len(path.read_bytes()) == len(whole)


def test_datasets_cannot_be_cached(extractor, tmp_path):
    with pytest.raises(ValueError, match=r"tf\.data\.Dataset"):
        extractor(tf.data.Dataset.from_tensors(np.zeros((16, 16, 3))), cache=tmp_path, verbose=0)
