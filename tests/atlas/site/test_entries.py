import pytest

from maco_tf.atlas.site.entries import Entry, Group, read_contents


@pytest.fixture(scope="module")
def contents(atlas):
    return read_contents(atlas)


def test_groups_are_in_the_order_of_computation(contents):
    assert list(contents.groups) == [
        "channel/block2b_add",
        "channel/block4c_add",
        "channel/block6c_add",
        "cell/block6c_add",
        "logit",
        "concept",
        "class",
    ]


def test_units_have_the_values_of_their_records(atlas, contents):
    entry = contents.entries["channel/block4c_add/07"]
    natural = atlas.read("natural", "channel/block4c_add/07")
    assert entry.score == atlas.read("items", "channel/block4c_add/07/seed-0")["score"]
    assert entry.clarity == natural["clarity"]
    assert entry.activity == pytest.approx(311 / 600)
    assert entry.seeds == (0, 1)
    assert entry.words == tuple(found["name"] for found in natural["classes"][:3])
    assert [entry.index for entry in contents.groups["channel/block4c_add"].entries] == list(range(40))


def test_dead_units_have_no_words(contents):
    dead = [entry for entry in contents.entries.values() if entry.dead]
    assert {entry.index % 17 for entry in dead} == {5}
    assert all(entry.words == () for entry in dead)


def test_cells_are_named_by_the_classes_that_they_support(atlas, contents):
    for cell in atlas.read("grids", "block6c_add")["cells"]:
        assert contents.entries[cell["key"]].short == cell["classes"][0]["name"]


def test_classes_know_their_logits_and_concepts(contents):
    assert contents.class_of_logit == {f"logit/{index:04d}": f"{index:04d}" for index in range(3)}
    assert contents.class_of_concept["concept/0002/07"] == "0002"
    assert contents.entries["class/0002"].picture == "logit/0002/seed-0"


def test_names_in_lists():
    assert Entry("channel/conv/000", "channel", "conv", 0, "conv:0").short == "0"
    assert Entry("channel/conv/040", "channel", "conv", 40, "conv:40").short == "40"
    assert Entry("logit/0254", "logit", None, 254, "pug").short == "pug"
    group = Group("logit", "logit", None, [Entry("logit/0254", "logit", None, 254, "pug")])
    assert (group.title, group.count) == ("Logits", "1 logit")
    assert Group("channel/conv", "channel", "conv").count == "0 channels"
