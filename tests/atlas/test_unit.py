import re

from maco_tf.atlas.unit import cell_key, channel_key, concept_key, logit_key, safe_name


def test_keys_by_hand():
    assert logit_key(254, 1000) == "logit/0254"
    assert logit_key(4, 5) == "logit/4"
    assert channel_key("block5b_add", 12, 112) == "channel/block5b_add/012"
    assert concept_key(254, 1000, 3, 10) == "concept/0254/03"
    assert cell_key("block5b_add", 4, 11, 16, 16) == "cell/block5b_add/04-11"


def test_keys_sort_by_number():
    keys = [channel_key("conv", index, 120) for index in range(120)]
    assert keys == sorted(keys)


def test_names_become_safe_and_stay_apart():
    names = ["a/b", "a-b", "a b", "a@2", ".a", "..", "", "ä", "a" * 300, "a" * 301, "block5b_add", "conv.1"]
    safe = [safe_name(name) for name in names]
    assert len(set(safe)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", name) and len(name) <= 107 for name in safe)
    assert safe_name("block5b_add") == "block5b_add"
