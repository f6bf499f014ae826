import json
import math

import pytest

from maco_tf.atlas.manifest import as_json, checksum, differences, manifest_digest, read_json, readable

MANIFEST = {"title": "a", "seeds": [0, 1], "settings": {"steps": 8, "recipe": "fast"}, "versions": {"keras": "3"}}


def test_a_checksum_depends_on_content_only():
    record = {"b": [1, 2.5, None], "a": {"y": "ä", "x": True}}
    # printf '{"a":{"x":true,"y":"ä"},"b":[1,2.5,null]}' | sha256sum
    assert checksum(record) == "0fc3245abd1731a199c19aac5660307e3b4bd758c161e23051474e594b74fd7e"
    assert checksum({"a": {"x": True, "y": "ä"}, "b": [1, 2.5, None], "checksum": "z"}) == checksum(record)
    assert checksum({**record, "b": [1, 2.5, 0]}) != checksum(record)


def test_the_digest_leaves_out_what_does_not_change_results():
    assert manifest_digest({**MANIFEST, "title": "b", "versions": {}, "command": "c"}) == manifest_digest(MANIFEST)
    assert manifest_digest({**MANIFEST, "seeds": [0]}) != manifest_digest(MANIFEST)


def test_differences_name_the_settings():
    other = {**MANIFEST, "title": "b", "settings": {"steps": 9, "recipe": "fast", "crops": 2}}
    assert differences(MANIFEST, other) == ["settings.steps is 8, and not 9", "settings.crops is None, and not 2"]
    assert differences(MANIFEST, MANIFEST) == []


def test_json_comes_back_as_it_was(tmp_path):
    path = tmp_path / "record.json"
    path.write_bytes(readable(MANIFEST))
    assert read_json(path) == MANIFEST == json.loads(path.read_text())
    assert as_json({"a": (1, 2), 3: "b"}) == {"a": [1, 2], "3": "b"}
    with pytest.raises(ValueError, match="JSON"):
        as_json({"a": math.nan})


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_damaged_json_is_named(tmp_path, content):
    path = tmp_path / "record.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="record"):
        read_json(path)
