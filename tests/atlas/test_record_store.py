import json
import os

import pytest

from maco_tf.atlas.record_store import Store

KEY = "logit/0254/seed-0"
FILES = {"image.webp": b"picture", "thumb-128.webp": b"abc"}


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "atlas", {"title": "a", "seeds": [0], "settings": {"steps": 8}})


def test_a_record_comes_back_with_checksums(store):
    folder = store.write("items", KEY, {"key": KEY, "score": 0.5, "size": (3, 4)}, FILES)
    record = store.read("items", KEY)
    assert (record["score"], record["size"]) == (0.5, [3, 4])
    # The test vector of FIPS 180-2.
    assert record["files"]["thumb-128.webp"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (folder / "image.webp").read_bytes() == b"picture"
    assert store.is_whole("items", KEY)
    assert not store.problems("items", KEY)
    assert json.loads((folder / "record.json").read_text()) == record


def test_a_record_is_replaced_as_a_whole(store):
    store.write("items", KEY, {"score": 1}, FILES)
    store.write("items", KEY, {"score": 2}, {"image.webp": b"new"})
    assert store.read("items", KEY)["score"] == 2
    assert sorted(os.listdir(store.path("items", KEY))) == ["image.webp", "record.json"]
    assert not list((store.folder / ".partial").iterdir())


def test_keys_are_sorted_and_partial_folders_are_none(store):
    for key in ("logit/2/seed-0", "channel/conv/1/seed-1", "channel/conv/1/seed-0"):
        store.write("items", key, {}, {})
    store.path("items", "logit/3").mkdir()
    assert store.keys("items") == ["channel/conv/1/seed-0", "channel/conv/1/seed-1", "logit/2/seed-0"]
    assert store.keys("natural") == []


def damage_image(folder):
    (folder / "image.webp").write_bytes(b"pictur")


def remove_image(folder):
    (folder / "image.webp").unlink()


def edit_record(folder):
    path = folder / "record.json"
    path.write_text(path.read_text().replace('"score": 1', '"score": 2'))


def truncate_record(folder):
    path = folder / "record.json"
    path.write_bytes(path.read_bytes()[:20])


def empty_record(folder):
    (folder / "record.json").write_text("[]")


@pytest.mark.parametrize("damage", [damage_image, remove_image, edit_record, truncate_record, empty_record])
def test_damage_is_found(store, damage):
    folder = store.write("items", KEY, {"score": 1}, FILES)
    damage(folder)
    assert not store.is_whole("items", KEY)
    (problem,) = store.problems("items", KEY)
    assert str(folder) in problem


def test_a_missing_record_is_named(store):
    with pytest.raises(ValueError, match=KEY):
        store.read("items", KEY)


@pytest.mark.parametrize("key", ["", "/etc", "../x", "a/../b", "a//b", "a b", ".hidden", "a/", 3])
def test_keys_stay_in_the_folder(store, key):
    with pytest.raises(ValueError, match='"key"'):
        store.path("items", key)


def test_sections(store):
    with pytest.raises(ValueError, match='"section"'):
        store.path("others", KEY)


def test_the_same_settings_go_on_and_others_are_refused(store):
    store.write("items", KEY, {}, {})
    again = Store.create(store.folder, {"title": "b", "seeds": (0,), "settings": {"steps": 8}, "command": "c"})
    assert again.keys("items") == [KEY]
    assert again.manifest["title"] == "a"
    other = {"seeds": [0], "settings": {"steps": 16}}
    with pytest.raises(ValueError, match=r"settings\.steps is 8, and not 16"):
        Store.create(store.folder, other)
    assert store.keys("items") == [KEY]
    new = Store.create(store.folder, other, overwrite=True)
    assert new.keys("items") == []
    assert Store.open(store.folder).manifest["settings"] == {"steps": 16}


def test_foreign_files_are_refused_and_kept(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match="thesis"):
            Store.create(tmp_path, {}, overwrite=overwrite)
    assert os.listdir(tmp_path) == ["thesis.tex"]
    file = tmp_path / "thesis.tex"
    with pytest.raises(ValueError, match="is a file"):
        Store.create(file, {})


def test_a_damaged_manifest_is_named(store):
    path = store.folder / "atlas.json"
    text = path.read_text()
    for damaged in (text[:10], text.replace("8", "9", 1), "[]"):
        path.write_text(damaged)
        with pytest.raises(ValueError, match=r"atlas\.json"):
            Store.open(store.folder)
    path.unlink()
    with pytest.raises(ValueError, match="has no atlas"):
        Store.open(store.folder)


def test_foreign_files_are_found(store):
    folder = store.write("items", KEY, {}, FILES)
    for path in (store.folder / "notes.txt", folder / "image (1).webp", folder.parent / "stray"):
        path.write_text("")
    names = ["notes.txt", "stray", "image (1).webp"]
    assert [path.name for path in store.foreign_files()] == names
    assert store.is_whole("items", KEY)
