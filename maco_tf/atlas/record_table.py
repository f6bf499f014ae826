"""All records of an atlas as one table: the index of its folder, and exports for pandas."""

import csv
import importlib.util
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maco_tf.atlas.record_store import Store

_INDEX, _INDEX_LINES = "index.parquet", "index.jsonl"
# Columns with the values of an item's record, and of the natural images of its unit.
_ITEM = ("key", "unit", "kind", "layer", "index", "name", "seed", "score")
_NATURAL = ("dead", "images", "active", "mean", "deviation", "minimum", "maximum", "clarity")
#: The columns of the table.
COLUMNS = (*_ITEM, *(f"natural_{name}" for name in _NATURAL), "natural_class", "importance", "image")


def table_rows(store: Store) -> Iterator[dict[str, Any]]:
    """One row for each item, by key.

    Args:
        store: the atlas.

    Yields:
        Dictionary with `COLUMNS`. Those that begin with "natural_" are the statistics of the unit on natural images,
        and "natural_class" is the class whose images activate it most; "importance" is that of a concept for its class;
        "image" is the path of the opaque image in the folder. They are `None` where the atlas has no such record.

    Raises:
        ValueError: a record is damaged; the message names its file.
    """
    natural = set(store.keys("natural"))
    importances = {
        concept["key"]: concept["importance"]
        for key in store.keys("classes")
        for concept in store.read("classes", key)["concepts"]
    }
    unit, found = "", dict[str, Any]()
    for key in store.keys("items"):
        item = store.read("items", key)
        if item["unit"] != unit:
            unit = item["unit"]
            found = store.read("natural", unit) if unit in natural else {}
        classes = found.get("classes") or [{}]
        yield {
            **{name: item[name] for name in _ITEM},
            **{f"natural_{name}": found.get(name) for name in _NATURAL},
            "natural_class": classes[0].get("name"),
            "importance": importances.get(unit),
            "image": f"items/{key}/image.webp",
        }


def write_index(store: Store) -> Path:
    """Write the table into the folder of the atlas: index.parquet if pyarrow is installed, otherwise index.jsonl.

    Args:
        store: the atlas.

    Returns:
        The path of the file.

    Raises:
        ValueError: see `table_rows`.
        OSError: see `Store.write`.
    """
    name, other = (_INDEX, _INDEX_LINES) if has_pyarrow() else (_INDEX_LINES, _INDEX)
    path = store.write_file(name, _encode(store, Path(name).suffix))
    (store.folder / other).unlink(missing_ok=True)
    return path


def export(folder: str | Path, path: str | Path) -> Path:
    """Write all records of an atlas as one table.

        pandas.read_csv(maco_tf.atlas.export("atlas", "atlas.csv"))

    Args:
        folder: the folder of the atlas.
        path: a file ending in `.csv`, `.parquet` (needs pyarrow) or `.jsonl`.

    Returns:
        The path of the file.

    Raises:
        ValueError: another ending, the folder holds no atlas, or a record is damaged.
        ImportError: pyarrow is not installed.
    """
    path = Path(path)
    if path.suffix not in (".csv", ".parquet", ".jsonl"):
        raise ValueError(f'"path" must end in .csv, .parquet or .jsonl. Received: {path}.')
    if path.suffix == ".parquet" and not has_pyarrow():
        raise ImportError('A .parquet file needs pyarrow: pip install "maco_tf[atlas]". A .csv file needs no package.')
    content = _encode(Store.open(folder), path.suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def has_pyarrow() -> bool:
    """Whether Parquet files can be written."""
    return importlib.util.find_spec("pyarrow") is not None


def _encode(store: Store, suffix: str) -> bytes:
    rows = table_rows(store)
    if suffix == ".jsonl":
        return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()
    if suffix == ".csv":
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()
    return _parquet(list(rows))


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    # Declared, because the type of a column without a value cannot be inferred.
    types = {"index": pyarrow.int64(), "seed": pyarrow.int64(), "natural_dead": pyarrow.bool_()}
    types |= {"natural_images": pyarrow.int64(), "natural_active": pyarrow.int64()}
    texts = {"key", "unit", "kind", "layer", "name", "natural_class", "image"}
    fields = [(name, types.get(name, pyarrow.string() if name in texts else pyarrow.float64())) for name in COLUMNS]
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, pyarrow.schema(fields)), buffer)
    return buffer.getvalue()
