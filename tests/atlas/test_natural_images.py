"""Natural images in the store."""

import cv2
import keras
import numpy as np
import pytest
from PIL import Image

from maco_tf.atlas.natural_images import FEATURES, write_natural_images
from maco_tf.atlas.record_store import Store
from maco_tf.atlas.unit import Unit
from maco_tf.objectives import Channel, Direction, Logit
from tests.conftest import build_tiny_model


def unit(kind, layer, index, objective):
    return Unit(f"{kind}/{layer or 'head'}/{index}", kind, layer, index, f"{kind} {index}", objective)


@pytest.fixture
def units():
    channels = [unit("channel", "conv", index, Channel("conv", index)) for index in range(4)]
    logits = [unit("logit", None, index, Logit(index)) for index in (3, 1)]
    cell = unit("cell", "add", 0, Direction("add", np.float32([1, -1, 0, 2])))
    # Units of one kind need not stand together.
    return [channels[0], *logits, cell, *channels[1:]]


@pytest.fixture
def folder(tmp_path, rng):
    for number in range(10):
        path = tmp_path / "images" / ("cat", "dog")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = cv2.resize(rng.integers(0, 256, (5, 5, 3), "uint8"), (24, 20), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(path), pixels)
    return tmp_path / "images"


def contents(store):
    root = store.folder / "natural"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def write(path, units, images, **settings):
    store = Store.create(path, {"format": "maco_tf atlas"})
    write_natural_images(store, build_tiny_model(), units, images, **{"count": 3, "verbose": 0, **settings})
    return store


@pytest.mark.slow
def test_exemplars_are_the_images_of_the_highest_values(tmp_path, units, folder):
    model = build_tiny_model()
    store = write(tmp_path / "atlas", units, folder)
    paths = sorted(folder.rglob("*.png"))
    images = np.stack([np.asarray(Image.open(path).convert("RGB"))[:, 2:22] for path in paths]) / 255
    images = np.stack([cv2.resize(image, (20, 20)) for image in images])
    seen = model.get_layer("conv")(np.stack([cv2.resize(i, (16, 16), interpolation=cv2.INTER_AREA) for i in images]))
    highest = seen.numpy().max(axis=(1, 2))
    record = store.read("natural", "channel/conv/2")
    # Resizing differs a little between OpenCV and TensorFlow.
    assert [exemplar["score"] for exemplar in record["exemplars"]] == pytest.approx(
        sorted(highest[:, 2], reverse=True)[:3], abs=0.05
    )
    best = paths[highest[:, 2].argmax()]
    assert record["exemplars"][0]["image"] == f"{best.parent.name}/{best.name}"
    assert record["exemplars"][0]["class"] == best.parent.name
    assert record["maximum"] == record["exemplars"][0]["score"]
    assert (record["kind"], record["layer"], record["index"], record["images"]) == ("channel", "conv", 2, 10)
    assert sum(record["histogram"]["counts"]) == 10
    assert {found["name"] for found in record["classes"]} == {"cat", "dog"}
    assert -0.5 <= record["clarity"] <= 1


@pytest.mark.slow
def test_pictures_are_the_image_its_mask_and_a_crop(tmp_path, units, folder):
    store = write(tmp_path / "atlas", units, folder, side=12)
    exemplar = store.read("natural", "channel/conv/1")["exemplars"][0]
    pictures = {name: Image.open(store.path("natural", "channel/conv/1", exemplar[name])) for name in ("file", "mask")}
    assert pictures["file"].size == pictures["mask"].size == (12, 12)
    alpha = np.asarray(pictures["mask"].convert("RGBA"))[..., 3]
    assert alpha.max() == 255
    assert alpha.min() < 128
    # A channel of a 3 x 3 convolution reads 3 x 3 pixels; their crop is enlarged to the side.
    assert Image.open(store.path("natural", "channel/conv/1", exemplar["crop"])).size == (12, 12)


@pytest.mark.slow
def test_a_dead_unit_has_no_exemplars(tmp_path, folder):
    model = build_tiny_model()
    kernel, bias = model.get_layer("conv").get_weights()
    kernel[..., 1] = 0
    model.get_layer("conv").set_weights([kernel, bias])
    store = Store.create(tmp_path / "atlas", {"format": "maco_tf atlas"})
    units = [unit("channel", "conv", index, Channel("conv", index)) for index in (0, 1)]
    write_natural_images(store, model, units, folder, count=3, verbose=0)
    record = store.read("natural", "channel/conv/1")
    assert record["dead"]
    assert not record["exemplars"]
    assert record["clarity"] is None
    assert not record["files"]
    assert not store.read("natural", "channel/conv/0")["dead"]


@pytest.mark.slow
def test_a_run_that_goes_on_writes_the_same_bits(tmp_path, units, folder, monkeypatch):
    units = units[:3]
    monkeypatch.setattr("maco_tf.atlas.natural_images._AT_ONCE", 3)  # One unit at once.
    expected = contents(write(tmp_path / "whole", units, folder))

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "killed", units, folder, progress=stop)
    store = Store.open(tmp_path / "killed")
    done = store.keys("natural")
    assert len(done) == 2
    untouched = store.path("natural", done[1], "record.json").stat().st_mtime_ns
    # Damage, which a second run repairs.
    record = store.path("natural", done[0], "record.json")
    record.write_text(record.read_text().replace('"dead": false', '"dead": true'))
    picture = store.path("natural", done[0], "01.webp")
    picture.write_bytes(picture.read_bytes()[:20])
    write(tmp_path / "killed", units, folder)
    assert contents(store) == expected
    assert store.path("natural", done[1], "record.json").stat().st_mtime_ns == untouched
    assert not list((store.folder / ".partial").rglob("*.npz"))


@pytest.mark.slow
def test_nothing_is_computed_where_all_records_are_whole(tmp_path, units, folder):
    store = write(tmp_path / "atlas", units, folder)
    write_natural_images(store, None, units, None, count=3)


@pytest.mark.slow
def test_fewer_images_than_asked_for(tmp_path, units, rng):
    images = rng.random((2, 16, 16, 3)).astype("float32")
    store = write(tmp_path / "atlas", units[:1], images, count=9)
    record = store.read("natural", "channel/conv/0")
    assert [exemplar["image"] for exemplar in record["exemplars"]] in (["image 0", "image 1"], ["image 1", "image 0"])
    assert record["exemplars"][0]["class"] is None
    features = np.load(store.path("natural", "channel/conv/0", FEATURES))
    # A mean of vectors of length 1.
    assert 0 < np.linalg.norm(features) <= 1.001


@pytest.mark.slow
def test_units_of_a_model_with_several_outputs(tmp_path, rng):
    inputs = keras.Input((16, 16, 3))
    maps = keras.layers.Conv2D(4, 3, name="maps")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    heads = [keras.layers.Dense(2, name=name)(pooled) for name in ("first", "second")]
    store = Store.create(tmp_path / "atlas", {"format": "maco_tf atlas"})
    units = [unit("channel", "maps", index, Channel("maps", index)) for index in (0, 1)]
    images = rng.random((5, 16, 16, 3)).astype("float32")
    write_natural_images(store, keras.Model(inputs, heads), units, images, count=2, preprocessing=None, verbose=0)
    record = store.read("natural", "channel/maps/1")
    assert len(record["exemplars"]) == 2
    assert record["clarity"] is not None
