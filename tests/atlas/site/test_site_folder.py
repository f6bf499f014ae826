import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from maco_tf.atlas.record_store import Store
from maco_tf.atlas.site import is_current, is_site, write_site
from tests.atlas.site.synthetic import EVIL, Synthetic

PAPER = "https://arxiv.org/abs/2306.06805"


class Links(HTMLParser):
    """All addresses of a page, its ids, and its text."""

    def __init__(self, page):
        super().__init__()
        self.addresses, self.ids, self.text, self.scripts = [], set(), "", 0
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.scripts += tag == "script"
        self.ids |= {attributes["id"]} if "id" in attributes else set()
        self.addresses += [attributes[name] for name in ("href", "src") if name in attributes]
        self.addresses += [part.split()[0] for part in attributes.get("srcset", "").split(",") if part]

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="session")
def pages(site):
    return {page: Links(page) for page in sorted(site.rglob("*.html"))}


@pytest.fixture
def copied(small, tmp_path):
    shutil.copytree(small.folder, tmp_path / "atlas")
    return Store.open(tmp_path / "atlas")


def test_every_unit_class_and_grid_has_a_page(atlas, site):
    units = {key.rpartition("/seed-")[0] for key in atlas.keys("items")}
    classes = {f"class/{key}" for key in atlas.keys("classes")}
    for key in units | classes | {f"grid/{key}" for key in atlas.keys("grids")} | {"index", "about", "logit"}:
        assert (site / f"{key}.html").is_file(), key


def test_every_address_leads_to_a_file_of_the_site(site, pages):
    """All links, images, scripts and styles are relative, and exist, with the place on the page that they name."""
    for page, links in pages.items():
        for address in links.addresses:
            if address == PAPER:
                continue
            assert not re.match(r"[a-z]+:|/", address), f"{address} in {page}"
            file, _, place = address.partition("#")
            target = Path(os.path.normpath(page.parent / file)) if file else page
            assert target.is_file(), f"{address} in {page}"
            assert target.is_relative_to(site)
            if place:
                assert place in pages[target].ids, f"{address} in {page}"


def test_every_page_can_be_reached_from_the_first(site, pages):
    reached, waiting = set(), [site / "index.html"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            targets = (Path(os.path.normpath(page.parent / link.partition("#")[0])) for link in pages[page].addresses)
            waiting += [target for target in targets if target.suffix == ".html"]
    assert reached == set(pages)


def test_labels_are_escaped(site, pages):
    shown = 0
    for page, links in pages.items():
        assert "<script>alert" not in page.read_text(encoding="utf-8")
        assert links.scripts <= 4
        shown += EVIL in links.text
    assert shown > 10
    for script in (site / "data").iterdir():
        assert not set(script.read_text(encoding="utf-8")) & set("<>&\u2028\u2029"), script


def test_no_script_is_a_module_and_nothing_is_fetched(site):
    """Browsers refuse fetch, modules, WebAssembly and masks from files for pages on disk."""
    for page in site.rglob("*.html"):
        assert 'type="module"' not in page.read_text(encoding="utf-8")
    for file in (site / "static").iterdir():
        text = file.read_text(encoding="utf-8")
        assert not re.search(
            r"\bfetch\(|XMLHttpRequest|^\s*(import|export) |WebAssembly|mask-image|@import|https?://(?!www\.w3\.org)",
            text,
            re.M,
        ), file


def test_images_are_links_to_the_atlas(atlas, site):
    key = atlas.keys("items")[0]
    original = atlas.path("items", key, "image.webp")
    assert os.path.samefile(original, site / "images/items" / key / "image.webp")


def test_images_are_copied_where_links_are_not_possible(small, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    written = write_site(small.folder, tmp_path / "site")
    assert written.linked == 0
    assert written.copied == len([path for path in (tmp_path / "site/images").rglob("*") if path.is_file()])
    key = small.keys("items")[0]
    copy, original = tmp_path / "site/images/items" / key / "image.webp", small.path("items", key, "image.webp")
    assert copy.read_bytes() == original.read_bytes()
    assert not os.path.samefile(copy, original)


def test_cells_and_concepts_show_their_crops(atlas, pages, site):
    cell = atlas.read("grids", "block6c_add")["cells"][3]
    shown = [address for address in pages[site / f"{cell['key']}.html"].addresses if "/grids/" in address]
    assert [Path(address).name for address in shown] == [crop["file"] for crop in cell["crops"]]
    concept = atlas.read("classes", "0001")["concepts"][2]
    shown = [address for address in pages[site / f"{concept['key']}.html"].addresses if "/classes/" in address]
    assert [Path(address).name for address in shown] == [crop["file"] for crop in concept["crops"]]


def test_features_are_not_published(copied, tmp_path):
    key = copied.keys("natural")[0]
    record = copied.read("natural", key)
    files = {name: copied.path("natural", key, name).read_bytes() for name in record["files"]}
    kept = {name: value for name, value in record.items() if name not in ("files", "checksum")}
    copied.write("natural", key, kept, {**files, "features.npy": b"x"})
    write_site(copied.folder, tmp_path / "site")
    assert not list((tmp_path / "site").rglob("*.npy"))


def test_sections_that_an_atlas_lacks_are_absent(tmp_path):
    plan = Synthetic(layers={}, classes=1, pages=0, grid=None, seeds=1, exemplars=0, size=64, label="one")
    site = write_site(plan.build(tmp_path / "atlas").folder).folder
    page = Links(site / "logit/0000.html")
    assert not {"natural", "found-classes", "histogram", "near", "crops"} & page.ids
    assert {"history", "again"} <= page.ids
    assert not {"classes-heading"} & Links(site / "index.html").ids
    assert not (site / "class.html").exists()
    assert not (site / "grid").exists()


def test_a_unit_without_an_image_has_a_page_of_its_photographs(copied, tmp_path):
    key = copied.keys("natural")[0]
    shutil.rmtree(copied.path("items", key))
    site = write_site(copied.folder, tmp_path / "site").folder
    assert "natural" in Links(site / f"{key}.html").ids


def test_an_atlas_without_records(copied, tmp_path):
    for section in ("items", "natural", "classes"):
        shutil.rmtree(copied.folder / section)
    assert write_site(copied.folder, tmp_path / "site").pages == 2


def test_a_site_is_current_until_a_record_is_written(copied, tmp_path):
    site = write_site(copied.folder, tmp_path / "site").folder
    assert is_site(site)
    assert is_current(copied.folder, site)
    record = copied.read("items", copied.keys("items")[0])
    kept = {name: value for name, value in record.items() if name not in ("files", "checksum")}
    copied.write("items", "logit/0009/seed-0", {**kept, "unit": "logit/0009", "key": "logit/0009/seed-0"}, {})
    assert not is_current(copied.folder, site)


def test_a_damaged_record_leaves_the_earlier_site(copied, tmp_path):
    site = write_site(copied.folder, tmp_path / "site").folder
    before = {path: path.stat().st_mtime_ns for path in site.rglob("*")}
    path = copied.path("items", copied.keys("items")[-1], "record.json")
    record = json.loads(path.read_text())
    # A new file, because the site has a link to the old one.
    path.unlink()
    path.write_text(json.dumps({**record, "score": 1e9}))
    with pytest.raises(ValueError, match=re.escape(str(path))):
        write_site(copied.folder, site)
    assert {path: path.stat().st_mtime_ns for path in site.rglob("*")} == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_missing_image_is_named(copied, tmp_path):
    path = copied.path("items", copied.keys("items")[0], "alpha.webp")
    path.unlink()
    with pytest.raises(ValueError, match=re.escape(str(path))):
        write_site(copied.folder, tmp_path / "site")


def test_damaged_neighbours_are_named(copied, tmp_path):
    (copied.folder / "neighbours.json").write_text("{")
    with pytest.raises(ValueError, match="neighbours"):
        write_site(copied.folder, tmp_path / "site")


def test_a_new_site_replaces_the_earlier_one(copied, tmp_path):
    site = write_site(copied.folder, tmp_path / "site").folder
    (site / "old.html").touch()
    write_site(copied.folder, site)
    assert not (site / "old.html").exists()


def test_other_folders_are_refused(small, tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match="output"):
        write_site(small.folder, tmp_path)
    with pytest.raises(ValueError, match="output"):
        write_site(small.folder, tmp_path / "notes.txt")
    with pytest.raises(ValueError, match="output"):
        write_site(small.folder, small.folder / "site")
    with pytest.raises(ValueError, match="folder"):
        write_site(tmp_path)
    assert (tmp_path / "notes.txt").exists()


def test_the_site_is_written_without_tensorflow(small, tmp_path):
    code = f"""
import sys
from maco_tf.atlas import write_site
write_site({str(small.folder)!r}, {str(tmp_path / "site")!r})
assert "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
