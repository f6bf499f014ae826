import pytest

from maco_tf import Logit
from maco_tf.atlas import check
from maco_tf.atlas.plan import AtlasPlan
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


def test_an_atlas_that_is_not_finished_lists_the_items_of_its_plan(tiny_model, tmp_path):
    plan = AtlasPlan(tiny_model, ["logit:*", "channel:conv:0-2", "neuron:conv:1,2,3"], seeds=2)
    store = Store.create(tmp_path / "atlas", plan.manifest())
    for seed in (0, 1):
        store.write("items", f"channel/conv/0/seed-{seed}", {}, {})
    unfinished, *missing = check(store.folder)
    assert "not finished" in unfinished
    keys = sorted(f"{unit.key}/seed-{seed}" for unit in plan.units for seed in (0, 1))
    done = ["channel/conv/0/seed-0", "channel/conv/0/seed-1"]
    expected = [f"{store.path('items', key)} is missing." for key in keys if key not in done]
    assert missing == expected
    assert len(expected) == 2 * (5 + 3 + 1) - 2


def test_a_plan_that_the_manifest_does_not_tell_is_not_guessed(tiny_model, tmp_path):
    store = Store.create(tmp_path / "objectives", AtlasPlan(tiny_model, [Logit([1, 3])]).manifest())
    (unfinished,) = check(store.folder)
    assert "not finished" in unfinished
    manifest = AtlasPlan(tiny_model, ["logit:*", "channel:conv:0"]).manifest()
    # A model whose last layer in the table is not its output.
    manifest["model"]["layers"].append({"name": "other", "shape": [20]})
    store = Store.create(tmp_path / "other", manifest)
    store.write("items", "logit/3/seed-0", {}, {})
    _, missing = check(store.folder)
    assert "channel/conv/0/seed-0" in missing
