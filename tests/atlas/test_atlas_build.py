"""Builds of a tiny model: complete, resumed, refused. Tracing makes most of them slow."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from maco_tf import Channel, Direction, Logit, MacoVisualizer
from maco_tf.atlas import build, check, explaining
from maco_tf.atlas.atlas_build import run_plan
from maco_tf.atlas.explained_items import Writer
from maco_tf.atlas.pictures import webp
from maco_tf.atlas.plan import AtlasPlan
from maco_tf.atlas.record_store import Store
from maco_tf.atlas.run_lock import run_lock
from maco_tf.display.rgba import to_rgba
from maco_tf.exemplars.source import ImageSource
from maco_tf.objectives.parse import parse_objective
from tests.conftest import build_tiny_model

UNITS = ["logit:*", "channel:conv:0-2"]
# Without views there is little to trace.
SETTINGS = {"steps": 3, "transforms": [], "batch": 3, "verbose": 0}


def bits(folder):
    """The hash of every file of an atlas but the log and the locks."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "log.txt"]
    files = [path for path in files if "locks" not in path.parts]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def whole(tiny_model, tmp_path_factory):
    """An atlas of five classes and three channels, with two seeds."""
    return build(tiny_model, UNITS, tmp_path_factory.mktemp("atlas") / "whole", seeds=2, **SETTINGS)


@pytest.fixture
def copy(whole, tmp_path):
    """A copy of it, to be damaged."""
    shutil.copytree(whole.folder, tmp_path / "copy")
    return Store.open(tmp_path / "copy")


@pytest.mark.slow
def test_every_unit_and_seed_has_an_item(whole):
    units = [f"channel/conv/{n}" for n in range(3)] + [f"logit/{n}" for n in range(5)]
    assert whole.keys("items") == [f"{unit}/seed-{seed}" for unit in units for seed in (0, 1)]
    assert all(whole.is_whole("items", key) for key in whole.keys("items"))
    assert not list((whole.folder / ".partial").iterdir())


@pytest.mark.slow
def test_the_command_of_an_item_makes_it_again(whole, tiny_model):
    record = whole.read("items", "logit/4/seed-1")
    text = record["command"].partition("--objective ")[2].partition(" ")[0]
    visualizer = MacoVisualizer(tiny_model, steps=3, transforms=[])
    assert "--set steps=3 --set 'transforms=[]'" in record["command"]
    made = visualizer.explain(parse_objective(text), seed=record["seed"], verbose=0)
    assert len(made) == record["batch"] == 3
    place = slice(record["place"], record["place"] + 1)
    picture = to_rgba(made.images[place], made.transparency[place])[0]
    assert webp(picture) == whole.path("items", "logit/4/seed-1", "alpha.webp").read_bytes()
    assert record["scores"] == pytest.approx(made.scores[:, record["place"]].tolist(), rel=1e-6)
    assert record["score"] == record["scores"][-1]


@pytest.mark.slow
def test_seeds_and_units_differ(whole):
    images = {whole.path("items", key, "image.webp").read_bytes() for key in whole.keys("items")}
    assert len(images) == 16


@pytest.mark.slow
def test_a_second_run_computes_nothing(whole, tiny_model, monkeypatch):
    before = bits(whole.folder)
    monkeypatch.setattr(explaining, "explain_chunk", lambda *_: pytest.fail("explained again"))
    build(tiny_model, UNITS, whole.folder, seeds=2, **SETTINGS)
    assert bits(whole.folder) == before


@pytest.mark.slow
def test_missing_and_damaged_items_are_made_again_with_the_same_bits(whole, copy, tiny_model, monkeypatch):
    shutil.rmtree(copy.path("items", "logit/1/seed-0"))
    copy.path("items", "logit/4/seed-1", "image.webp").write_bytes(b"truncated")
    edited = copy.path("items", "channel/conv/2/seed-0", "record.json")
    edited.write_text(edited.read_text().replace('"seed": 0', '"seed": 1'))
    (copy.folder / "index.parquet").unlink(missing_ok=True)
    untouched = copy.path("items", "logit/0/seed-0", "record.json")
    written = untouched.stat().st_mtime_ns
    explained = []
    explain = explaining.explain_chunk

    def counted(visualizer, chunk, callbacks):
        explained.append(chunk)
        return explain(visualizer, chunk, callbacks)

    monkeypatch.setattr(explaining, "explain_chunk", counted)
    build(tiny_model, UNITS, copy.folder, seeds=2, **SETTINGS)
    assert bits(copy.folder) == bits(whole.folder)
    assert len(explained) == 3
    # Only what was missing is written.
    assert untouched.stat().st_mtime_ns == written


@pytest.mark.slow
def test_an_interrupted_build_goes_on_to_the_same_bits(whole, tiny_model, tmp_path, monkeypatch):
    explain, done = explaining.explain_chunk, []

    def interrupted(visualizer, chunk, callbacks):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(chunk)
        return explain(visualizer, chunk, callbacks)

    with monkeypatch.context() as patch:
        patch.setattr(explaining, "explain_chunk", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build(tiny_model, UNITS, tmp_path / "atlas", seeds=2, **SETTINGS)
    # What was computed is written.
    keys = [key for chunk in done for key in chunk.keys]
    assert Store.open(tmp_path / "atlas").keys("items") == sorted(keys)
    build(tiny_model, UNITS, tmp_path / "atlas", seeds=2, **SETTINGS)
    assert bits(tmp_path / "atlas") == bits(whole.folder)


@pytest.mark.slow
def test_shards_make_the_same_atlas(whole, tiny_model, tmp_path):
    for number in (2, 0, 1):
        build(tiny_model, UNITS, tmp_path / "atlas", seeds=2, shard=(number, 3), **SETTINGS)
    assert bits(tmp_path / "atlas") == bits(whole.folder)


@pytest.mark.slow
def test_other_settings_are_refused_and_nothing_changes(copy, tiny_model):
    before = bits(copy.folder)
    changes = [({"steps": 4}, r"settings\.steps is 3, and not 4"), ({"seeds": 3}, "seeds"), ({"batch": 4}, "batch")]
    for change, message in changes:
        with pytest.raises(ValueError, match=message):
            build(tiny_model, UNITS, copy.folder, **{"seeds": 2, **SETTINGS, **change})
    with pytest.raises(ValueError, match="units"):
        build(tiny_model, UNITS[:1], copy.folder, seeds=2, **SETTINGS)
    with pytest.raises(ValueError, match=r"model\.weights"):
        build(build_tiny_model(seed=1), UNITS, copy.folder, seeds=2, **SETTINGS)
    assert bits(copy.folder) == before


@pytest.mark.slow
def test_a_folder_in_use_or_of_others_is_refused(copy, tiny_model, tmp_path):
    before = bits(copy.folder)
    with run_lock(copy.folder), pytest.raises(ValueError, match="another run"):
        build(tiny_model, "logit:0", copy.folder, overwrite=True, **SETTINGS)
    assert bits(copy.folder) == before
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match="thesis"):
        build(tiny_model, UNITS, tmp_path, overwrite=True, **SETTINGS)
    assert sorted(os.listdir(tmp_path)) == ["copy", "thesis.tex"]
    with pytest.raises(ValueError, match='"verbose"'):
        build(tiny_model, UNITS, copy.folder, **{**SETTINGS, "verbose": "loud"})


@pytest.mark.slow
def test_an_atlas_keeps_its_batch_and_can_be_overwritten(copy, tiny_model):
    before = bits(copy.folder)
    settings = {name: value for name, value in SETTINGS.items() if name != "batch"}
    build(tiny_model, UNITS, copy.folder, seeds=2, **settings)
    assert bits(copy.folder) == before
    store = build(tiny_model, "logit:0", copy.folder, overwrite=True, **SETTINGS)
    assert store.keys("items") == ["logit/0/seed-0"]


@pytest.mark.slow
def test_objectives_of_python(tiny_model, tmp_path):
    objectives = [Logit([3, 1]), Channel("conv", 0) - 0.5 * Logit(2), Direction("add", np.eye(4)[:2], names=["a", "b"])]
    store = build(
        tiny_model, objectives, tmp_path, visualizer=MacoVisualizer(tiny_model, steps=2, transforms=[]), verbose=0
    )
    assert [key.partition("/")[0] for key in store.keys("items")] == ["logit"] * 2 + ["objective"] * 3
    records = [store.read("items", key) for key in store.keys("items")]
    assert [record["name"] for record in records] == ["logit 1", "logit 3", "conv:0 - 0.5 logit 2", "a", "b"]
    assert [record["command"] is None for record in records] == [False, False, True, True, True]
    # The same objectives go on, and others are refused.
    build(tiny_model, objectives, tmp_path, steps=2, transforms=[], verbose=0)
    with pytest.raises(ValueError, match="units"):
        build(tiny_model, objectives[:2], tmp_path, steps=2, transforms=[], verbose=0)


@pytest.mark.slow
def test_natural_images_concepts_and_grids_are_the_same_in_shards(tmp_path, rng):
    pytest.importorskip("sklearn")
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(6, 3, activation="relu", name="conv")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(3, name="head")(x))
    images = ImageSource(rng.random((12, 16, 16, 3), "float32"), labels=np.arange(12) % 3)
    options = {"images": images, "concepts": 2, "grid": "conv", **SETTINGS}
    whole = build(model, "logit:0-1", tmp_path / "whole", **options)
    kinds = [key.partition("/")[0] for key in whole.keys("items")]
    assert [kinds.count(kind) for kind in ("logit", "concept")] == [2, 4]
    assert kinds.count("cell") == len(whole.read("grids", "conv")["cells"]) > 0
    assert whole.keys("natural") == ["logit/0", "logit/1"]
    assert whole.keys("classes") == ["0", "1"]
    nearest = json.loads((whole.folder / "neighbours.json").read_text())
    assert nearest["logit/0"][0][0] == "logit/1"
    assert "concept/0/0" in nearest
    assert check(whole.folder) == []
    for number in (1, 0):
        build(model, "logit:0-1", tmp_path / "shards", shard=(number, 2), **options)
    assert bits(tmp_path / "shards") == bits(whole.folder)


@pytest.mark.slow
def test_memory_stays_flat_over_500_items(tmp_path, monkeypatch):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(500, 1, name="wide")(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    used, write = [], Writer.write

    def measured(*arguments):
        used.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        return write(*arguments)

    monkeypatch.setattr(Writer, "write", measured)
    store = build(model, "channel:wide:*", tmp_path, steps=2, transforms=[], image_size=96, batch=10, verbose=0)
    assert len(store.keys("items")) == 500
    assert len(used) == 50
    # The images and transparencies of the last 440 items would take 65 MB.
    assert used[-1] - used[5] < 20e6, used


@pytest.mark.slow
def test_a_failure_leaves_the_other_items(tiny_model, tmp_path, monkeypatch):
    explain = explaining.explain_chunk

    def diverging(visualizer, chunk, callbacks):
        if chunk.group == "logit":
            raise FloatingPointError("The score is not finite.")
        return explain(visualizer, chunk, callbacks)

    monkeypatch.setattr(explaining, "explain_chunk", diverging)
    with pytest.warns(UserWarning, match="5 images"):
        store = build(tiny_model, UNITS, tmp_path, **SETTINGS)
    assert store.keys("items") == [f"channel/conv/{n}/seed-0" for n in range(3)]
    assert "The score is not finite." in (tmp_path / "log.txt").read_text()


@pytest.mark.slow
def test_units_without_a_gradient_are_named_once_after_the_build(tmp_path):
    inputs = keras.Input((16, 16, 3))
    conv = keras.layers.Conv2D(4, 3, activation="relu", name="conv")
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(conv(inputs)))
    kernel, _ = conv.get_weights()
    # Channels 0 and 2 are 0 on every image.
    conv.set_weights([kernel, np.array([-1000, 1000, -1000, 1000], "float32")])
    settings = {**SETTINGS, "seeds": 2, "relu_warmup": 0}
    with pytest.warns(UserWarning, match="random start") as caught:
        build(model, "channel:conv:*", tmp_path, **settings)
    (message,) = [str(warning.message) for warning in caught if "random start" in str(warning.message)]
    assert message.startswith("4 images")
    assert "channel/conv/0/seed-0, channel/conv/2/seed-0, channel/conv/0/seed-1." in message


@pytest.mark.slow
def test_a_full_disk_stops_with_a_whole_store(tiny_model, tmp_path, monkeypatch):
    write = Store.write

    def full(store, section, key, record, files):
        if key == "logit/4/seed-0":
            raise OSError("The disk must have space for the next record.")
        return write(store, section, key, record, files)

    monkeypatch.setattr(Store, "write", full)
    with pytest.raises(OSError, match="disk"):
        build(tiny_model, UNITS, tmp_path / "atlas", **SETTINGS)
    store = Store.open(tmp_path / "atlas")
    assert "logit/3/seed-0" in store.keys("items")
    assert all(store.is_whole("items", key) for key in store.keys("items"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, '"seeds"'),
        ({"seeds": [1, 1]}, '"seeds"'),
        ({"batch": 0}, '"batch"'),
        ({"concepts": 2}, '"images"'),
        ({"grid": "conv"}, '"images"'),
        ({"grid": "nothing"}, "nothing"),
        ({"precision": "auto"}, '"precision"'),
        ({"method": "none"}, '"method"'),
        ({"concepts": 2, "images": np.zeros((3, 16, 16, 3))}, "classes"),
        ({"concepts": 2, "concept_classes": "7"}, "0..4"),
    ],
)
def test_wrong_options_write_nothing(tiny_model, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        build(tiny_model, UNITS, tmp_path / "atlas", verbose=0, **options)
    assert not (tmp_path / "atlas").exists()


def test_a_visualizer_excludes_settings(tiny_model, tmp_path):
    visualizer = MacoVisualizer(tiny_model, steps=2)
    with pytest.raises(ValueError, match="steps"):
        AtlasPlan(tiny_model, UNITS, visualizer=visualizer, steps=3)
    with pytest.raises(ValueError, match='"model"'):
        AtlasPlan(build_tiny_model(seed=1), UNITS, visualizer=visualizer)
    with pytest.raises(ValueError, match='"shard"'):
        run_plan(AtlasPlan(tiny_model, UNITS, visualizer=visualizer), tmp_path, shard=(2, 2))
