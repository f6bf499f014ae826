"""The pages of a site, drawn one after the other so that memory does not grow with their number."""

import functools
import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from maco_tf.atlas.record_store import Store
from maco_tf.atlas.site.charts import map_places
from maco_tf.atlas.site.drawing import Drawing
from maco_tf.atlas.site.entries import Contents, Entry, Group
from maco_tf.atlas.site.file_links import FileLinks
from maco_tf.atlas.site.reproduce import command_and_note, shown_settings

# Units on one page of a list.
_LISTED = 1000
# Pictures of a group and classes that the home page shows.
_CARD, _CLASSES = 8, 12


def write_pages(
    store: Store, contents: Contents, files: FileLinks, output: Path, share: int = 0, shares: int = 1
) -> int:
    """Write pages, with the files of the records that they show.

    Args:
        store: the atlas.
        contents: what the site lists.
        files: puts the files of records into the site.
        output: the folder of the site.
        share: the part of the pages that is written, counted from 0.
        shares: the number of parts.

    Returns:
        The number of pages written.

    Raises:
        ValueError: a record is damaged.
        OSError: a file cannot be written.
    """
    writer = _Writer(store, contents, files, output)
    pages = writer.pages()
    for write in pages[len(pages) * share // shares : len(pages) * (share + 1) // shares]:
        write()
    return writer.count


class _Writer:
    def __init__(self, store: Store, contents: Contents, files: FileLinks, output: Path) -> None:
        self.store, self.contents, self.files, self.output = store, contents, files, str(output)
        self.count = 0
        self._folders: set[str] = set()
        self._drawing = Drawing(store.manifest, contents)
        self._class_record = functools.lru_cache(maxsize=4)(functools.partial(store.read, "classes"))
        self._cells = functools.lru_cache(maxsize=2)(self._cells_of)
        self._neighbours = _read_neighbours(store)
        # Classes of images are linked to logits of the same name, unless two have it.
        logits = [entry for entry in contents.entries.values() if entry.kind == "logit"]
        counts = Counter(entry.name for entry in logits)
        self._by_name = {entry.name: entry for entry in logits if counts[entry.name] == 1}

    def pages(self) -> list[Callable[[], None]]:
        """What writes the pages, in their order."""
        found: list[Callable[[], None]] = [self._write_home, self._write_about]
        for group in self.contents.groups.values():
            found.append(functools.partial(self._write_lists, group))
            write = self._write_class if group.kind == "class" else functools.partial(self._write_unit, group)
            found += [functools.partial(write, *places) for places in _with_neighbours(group.entries)]
        return [*found, *(functools.partial(self._write_grid, key) for key in self.contents.grids)]

    def _write_home(self) -> None:
        groups = list(self.contents.groups.values())
        classes = next((group.entries for group in groups if group.kind == "class"), [])
        shown = [group for group in groups if group.kind != "class"]
        self._write("index", "home", groups=shown, classes=classes[:_CLASSES], card=_CARD, class_count=len(classes))

    def _write_about(self) -> None:
        self._write("about", "about", settings=shown_settings(self.store.manifest))

    def _write(self, address: str, template: str, **values: Any) -> None:
        path, root = os.path.join(self.output, f"{address}.html"), "../" * address.count("/")
        folder = os.path.dirname(path)
        if folder not in self._folders:
            os.makedirs(folder, exist_ok=True)
            self._folders.add(folder)
        text = self._drawing.draw(template, root, address=address, **values)
        with open(path, "wb") as file:
            file.write(text.encode())
        self.count += 1

    def _write_lists(self, group: Group) -> None:
        """The pages of a group, with at most a thousand units each."""
        starts = range(0, len(group.entries), _LISTED)
        addresses = [group.prefix if not start else f"{group.prefix}~{start // _LISTED + 1}" for start in starts]
        layer = next((found for found in self._layers() if found["name"] == group.layer), None)
        for number, start in enumerate(starts):
            entries = group.entries[start : start + _LISTED]
            pages = [
                (address, f"{first + 1:,} to {min(first + _LISTED, len(group.entries)):,}")
                for address, first in zip(addresses, starts)
            ]
            self._write(addresses[number], "layer", group=group, entries=entries, pages=pages, layer=layer)

    def _write_unit(self, group: Group, entry: Entry, before: Entry | None, after: Entry | None) -> None:
        items = [self.store.read("items", f"{entry.key}/seed-{seed}") for seed in entry.seeds]
        for item in items:
            self.files.add("items", item["key"], item["files"])
        natural = self.store.read("natural", entry.key) if entry.key in self.contents.natural else None
        if natural:
            self.files.add("natural", entry.key, natural["files"])
        home = self.contents.class_of_concept.get(entry.key)
        record = self._class_record(home) if home else None
        concept = next((one for one in record["concepts"] if one["key"] == entry.key), None) if record else None
        crops, crops_from = (concept["crops"], f"classes/{home}") if concept else ([], "")
        grid = group.prefix.partition("/")[2]
        if group.kind == "cell" and grid in self.contents.grids:
            crops, crops_from = self._cells(grid).get(entry.key, {}).get("crops", []), f"grids/{grid}"
        near = [
            (self.contents.entries[key], cosine)
            for key, cosine in self._neighbours.get(entry.key, ())
            if key in self.contents.entries
        ]
        command, note = command_and_note(self.store.manifest, items[0]) if items else (None, "")
        self._write(
            entry.key,
            "unit",
            group=group,
            entry=entry,
            items=items,
            natural=natural,
            before=before,
            after=after,
            near=near,
            concept=concept,
            crops=crops,
            crops_from=crops_from,
            concept_class=home,
            class_name=record["name"] if record else None,
            class_page=self.contents.class_of_logit.get(entry.key),
            by_name=self._by_name,
            command=command,
            command_note=note,
        )

    def _cells_of(self, grid: str) -> dict[str, dict[str, Any]]:
        """The cells of an activation grid, by key."""
        return {cell["key"]: cell for cell in self.store.read("grids", grid)["cells"]}

    def _write_class(self, entry: Entry, before: Entry | None, after: Entry | None) -> None:
        key = entry.key.partition("/")[2]
        record = self._class_record(key)
        self.files.add("classes", key, record["files"])
        concepts = sorted(record["concepts"], key=lambda one: -one["importance"])
        shared: dict[int, list[dict[str, Any]]] = {}
        for concept, other in ((one, other) for one in concepts for other in one["classes"]):
            if other["key"] in self.contents.class_of_concept:
                shared.setdefault(other["index"], []).append({**other, "number": concept["number"]})
        self._write(
            entry.key,
            "class",
            entry=entry,
            key=key,
            record=record,
            concepts=concepts,
            logit=self.contents.entries.get(record.get("logit") or ""),
            before=before,
            after=after,
            concept_map=map_places(concepts),
            image_map=map_places(record["images"]),
            shared=list(shared.values()),
        )

    def _write_grid(self, key: str) -> None:
        record = self.store.read("grids", key)
        self.files.add("grids", key, record["files"])
        cells = [cell for cell in record["cells"] if cell["key"] in self.contents.entries]
        largest = max((cell["count"] for cell in cells), default=1)
        self._write(f"grid/{key}", "grid", record=record, cells=cells, largest=largest)

    def _layers(self) -> list[dict[str, Any]]:
        return self.store.manifest["model"]["layers"]


def _read_neighbours(store: Store) -> dict[str, list[list[Any]]]:
    path = store.folder / "neighbours.json"
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"Neighbours must be JSON. Received: {path}, which is damaged ({error}).") from error


def _with_neighbours(entries: Iterable[Entry]) -> Iterable[tuple[Entry, Entry | None, Entry | None]]:
    """Every unit with the one before and the one after it."""
    before: Entry | None = None
    for entry, after in itertools.zip_longest(entries, itertools.islice(entries, 1, None)):
        yield entry, before, after
        before = entry
