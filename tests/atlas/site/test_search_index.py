import json
import re

from maco_tf.atlas.site.entries import Contents, Entry, read_contents
from maco_tf.atlas.site.search_index import as_script, index_files


def calls(files):
    """What the scripts hand over: the catalogue, and the rows of each chunk."""
    catalogue, chunks = None, {}
    for text in files.values():
        name, arguments = re.fullmatch(r"atlas\.(\w+)\((.*)\);\n", text).groups()
        if name == "catalogue":
            catalogue = json.loads(arguments)
        else:
            number, rows = json.loads(f"[{arguments}]")
            chunks[number] = rows
    return catalogue, chunks


def test_the_index_holds_every_unit_once(atlas):
    contents = read_contents(atlas)
    catalogue, chunks = calls(dict(index_files(contents)))
    found = {}
    for group in catalogue["groups"]:
        rows = [row for chunk in group["chunks"] for row in chunks[chunk]]
        assert len(rows) == group["count"]
        for tail, name, picture, score, clarity, _, dead, words in rows:
            key = f"{group['prefix']}/{tail}"
            entry = contents.entries[key]
            found[key] = entry
            assert name == entry.name
            assert (picture if isinstance(picture, str) else f"{key}/seed-{picture}") == entry.picture
            assert score == (None if entry.score is None else float(f"{entry.score:.4g}"))
            assert clarity == entry.clarity
            assert bool(dead) == bool(entry.dead)
            assert tuple(catalogue["words"][word] for word in words) == entry.words
    assert found == contents.entries
    assert catalogue["dead"] == sum(bool(entry.dead) for entry in contents.entries.values())


def test_chunks_of_a_large_group():
    contents = Contents()
    for index in range(4500):
        contents.add(Entry(f"channel/conv/{index:04d}", "channel", "conv", index, f"conv:{index}"))
    catalogue, chunks = calls(dict(index_files(contents)))
    assert [len(rows) for rows in chunks.values()] == [2000, 2000, 500]
    assert catalogue["groups"][0]["chunks"] == [0, 1, 2]
    # A unit without an image.
    assert chunks[0][0] == ["0000", "conv:0", -1, None, None, None, 0, []]


def test_text_that_would_end_a_script_is_escaped():
    text = "</script><!-- & \u2028 é"
    script = as_script([text])
    assert not set(script) & set("<>&\u2028")
    assert json.loads(script) == [text]
