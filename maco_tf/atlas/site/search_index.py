"""The search index: scripts with the names and values of all units, because pages on disk may not read other files."""

import json
from collections.abc import Iterator
from typing import Any

from maco_tf.atlas.site.entries import Contents, Entry

# Units of a chunk: about 100 kB, which browsers parse within a few milliseconds.
_CHUNK = 2000
# Characters that would end a script or a line of it; JSON may write them as escapes.
_ESCAPES = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


def index_files(contents: Contents) -> Iterator[tuple[str, str]]:
    """The scripts of the index.

    The catalogue lists the groups with the chunks that hold them. A row of a chunk is [key after the prefix of its
    group, name, picture, score, clarity, activity, dead, words]. The picture is the seed of the unit's own item, or the
    key of another item, or -1; words are numbers of the catalogue's list.

    Args:
        contents: what the site lists.

    Yields:
        Pairs (name of the file, text).
    """
    words: dict[str, int] = {}
    groups: list[dict[str, Any]] = []
    number = 0
    for group in contents.groups.values():
        chunks = []
        for first in range(0, len(group.entries), _CHUNK):
            rows = [_row(entry, group.prefix, words) for entry in group.entries[first : first + _CHUNK]]
            yield f"index-{number}.js", f"atlas.chunk({number},{as_script(rows)});\n"
            chunks.append(number)
            number += 1
        layer = group.layer if group.numbered else None
        groups.append({"prefix": group.prefix, "layer": layer, "chunks": chunks, "count": len(group.entries)})
    clarities = [entry.clarity for entry in contents.entries.values() if entry.clarity is not None]
    catalogue = {
        "groups": groups,
        "words": list(words),
        "clarity": [min(clarities), max(clarities)] if clarities else None,
        "dead": sum(entry.dead is True for entry in contents.entries.values()),
    }
    yield "index-catalogue.js", f"atlas.catalogue({as_script(catalogue)});\n"


def as_script(value: Any) -> str:
    """JSON that is safe in a script, whatever its text holds.

    Args:
        value: anything that JSON can hold.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)


def _row(entry: Entry, prefix: str, words: dict[str, int]) -> list[Any]:
    own = f"{entry.key}/seed-"
    picture: int | str = -1
    if entry.picture is not None:
        picture = int(entry.picture.removeprefix(own)) if entry.picture.startswith(own) else entry.picture
    return [
        entry.key[len(prefix) + 1 :],
        entry.name,
        picture,
        _rounded(entry.score),
        _rounded(entry.clarity),
        _rounded(entry.activity),
        int(entry.dead is True),
        [words.setdefault(word, len(words)) for word in entry.words],
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
