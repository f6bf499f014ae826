import csv
import json

import numpy as np
import pytest

from maco_tf.atlas import export, record_table
from maco_tf.atlas.record_store import Store
from maco_tf.atlas.record_table import COLUMNS, table_rows, write_index


@pytest.fixture
def store(tmp_path):
    store = Store.create(tmp_path / "atlas", {"seeds": [0, 1]})
    for index, seed in ((0, 0), (0, 1), (1, 0)):
        key = f"channel/conv/{index}/seed-{seed}"
        record = {"key": key, "unit": f"channel/conv/{index}", "kind": "channel", "layer": "conv", "index": index}
        store.write("items", key, {**record, "name": f'"conv", {index}', "seed": seed, "score": 0.5 + index}, {})
    concept = {"key": "concept/3/0/seed-0", "unit": "concept/3/0", "kind": "concept", "layer": "conv", "index": 0}
    store.write("items", concept["key"], {**concept, "name": "ä", "seed": 0, "score": -1.5}, {})
    store.write("classes", "3", {"concepts": [{"key": "concept/3/0", "importance": 0.25}]}, {})
    statistics = {"images": 10, "active": 4, "mean": 0.1, "deviation": 0.2, "minimum": 0.0, "maximum": 1.0}
    statistics |= {"dead": False, "clarity": None, "classes": [{"name": "pug"}, {"name": "cat"}]}
    store.write("natural", "channel/conv/1", statistics, {})
    return store


def test_rows_by_hand(store):
    rows = list(table_rows(store))
    assert [row["key"] for row in rows] == store.keys("items")
    assert all(tuple(row) == COLUMNS for row in rows)
    first, _, third, concept = rows
    assert (first["score"], first["natural_dead"], first["natural_class"]) == (0.5, None, None)
    assert (third["score"], third["natural_active"], third["natural_class"]) == (1.5, 4, "pug")
    assert (third["natural_dead"], third["natural_clarity"], third["importance"]) == (False, None, None)
    assert (concept["importance"], concept["image"]) == (0.25, "items/concept/3/0/seed-0/image.webp")


def test_tables_come_back(store, tmp_path):
    expected = list(table_rows(store))
    lines = export(store.folder, tmp_path / "new" / "table.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == expected
    with export(store.folder, tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["name"] for row in found] == [row["name"] for row in expected]
    assert [float(row["score"]) for row in found] == [row["score"] for row in expected]
    assert found[0]["natural_mean"] == ""


def test_parquet_comes_back_with_types(store, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(export(store.folder, tmp_path / "table.parquet"))
    assert table.to_pylist() == list(table_rows(store))
    assert table.column("seed").to_numpy().dtype == np.int64
    assert write_index(store).name == "index.parquet"


def test_without_pyarrow(store, tmp_path, monkeypatch):
    (store.folder / "index.parquet").touch()
    monkeypatch.setattr(record_table, "has_pyarrow", lambda: False)
    with pytest.raises(ImportError, match=r"maco_tf\[atlas\]"):
        export(store.folder, tmp_path / "table.parquet")
    assert write_index(store).name == "index.jsonl"
    # An older index in the other form would contradict it.
    assert not (store.folder / "index.parquet").exists()


def test_wrong_arguments(store, tmp_path):
    with pytest.raises(ValueError, match="xlsx"):
        export(store.folder, tmp_path / "table.xlsx")
    with pytest.raises(ValueError, match="atlas"):
        export(tmp_path, tmp_path / "table.csv")
    store.path("items", "channel/conv/0/seed-0", "record.json").write_text("{")
    with pytest.raises(ValueError, match="damaged"):
        export(store.folder, tmp_path / "table.csv")
    assert not (tmp_path / "table.csv").exists()
