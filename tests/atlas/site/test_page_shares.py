import json
import re
import shutil

import pytest

from maco_tf.atlas.record_store import Store
from maco_tf.atlas.site import page_shares, write_site


@pytest.fixture
def three(monkeypatch):
    """Three processes, even for a small site."""
    monkeypatch.setattr(page_shares, "_LEAST", 1)
    monkeypatch.setattr(page_shares.os, "cpu_count", lambda: 3)


def contents(site):
    return {path.relative_to(site): path.read_bytes() for path in site.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_several_processes_write_the_same_site(atlas, site, tmp_path, three):
    written = write_site(atlas.folder, tmp_path / "site")
    assert contents(written.folder) == contents(site)
    assert written.pages == len(list(site.rglob("*.html")))
    assert written.linked == len([path for path in (site / "images").rglob("*") if path.is_file()])


@pytest.mark.slow
def test_a_damaged_record_in_the_share_of_another_process(small, tmp_path, three):
    shutil.copytree(small.folder, tmp_path / "atlas")
    store = Store.open(tmp_path / "atlas")
    path = store.path("items", "logit/0002/seed-0", "record.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "seed": 5}))
    with pytest.raises(ValueError, match=re.escape(str(path))):
        write_site(store.folder, tmp_path / "site")
    assert not (tmp_path / "site").exists()
