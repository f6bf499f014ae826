import pytest

from maco_tf.atlas import check
from maco_tf.atlas.record_store import Store


@pytest.fixture
def store(tmp_path):
    store = Store.create(tmp_path / "atlas", {"seeds": [0, 1]})
    for seed in (0, 1):
        store.write("items", f"logit/3/seed-{seed}", {"seed": seed}, {"image.webp": b"picture"})
    store.write("natural", "logit/3", {}, {"01.webp": b"photograph"})
    store.write_file("neighbours.json", b"{}")
    return store


def test_a_whole_atlas_has_no_problems(store):
    (store.folder / "log.txt").write_text("a line")
    assert check(store.folder) == []


def test_every_kind_of_damage_is_found_and_named(store):
    store.path("items", "logit/3/seed-0", "image.webp").write_bytes(b"other")
    store.path("natural", "logit/3", "01.webp").unlink()
    store.path("items", "logit/3/seed-0", "copy.webp").write_bytes(b"")
    (store.folder / "neighbours.json").write_text("{")
    record = store.path("items", "logit/3/seed-1", "record.json")
    record.write_text(record.read_text().replace("1", "2", 1))
    found = check(store.folder)
    expected = ["copy.webp", "seed-0/image.webp", "seed-1/record.json", "natural/logit/3/01.webp", "neighbours.json"]
    assert len(found) == len(expected)
    assert all(any(name in problem for problem in found) for name in expected)


def test_missing_seeds_are_found(store):
    path = store.path("items", "logit/3/seed-1")
    for file in path.iterdir():
        file.unlink()
    path.rmdir()
    (problem,) = check(store.folder)
    assert "logit/3/seed-1" in problem
    assert "missing" in problem
