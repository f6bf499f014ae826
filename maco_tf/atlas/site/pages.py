"""The pages of a site, drawn one after the other so that memory does not grow with their number."""

import functools
import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from maco_tf.atlas.record_store import Store
from maco_tf.atlas.site.charts import histogram_path, history_path, map_places
from maco_tf.atlas.site.entries import Contents, Entry, Group
from maco_tf.atlas.site.reproduce import command_and_note, shown_settings
from maco_tf.version import __version__

# Units on one page of a list.
_LISTED = 1000
# Pictures of a group and classes that the home page shows.
_CARD, _CLASSES = 8, 12


class Files(Protocol):
    """Puts files of records into the site."""

    def add(self, section: str, key: str, names: Iterable[str]) -> None:
        """Put the named files of a record, and the record itself, into the site."""


def write_pages(store: Store, contents: Contents, files: Files, output: Path) -> int:
    """Write all pages.

    Args:
        store: the atlas.
        contents: what the site lists.
        files: puts the images into the site.
        output: the folder of the site.

    Returns:
        The number of pages.

    Raises:
        ValueError: a record is damaged.
        OSError: a file cannot be written.
    """
    writer = _Writer(store, contents, files, output)
    writer.write_all()
    return writer.count


class _Writer:
    def __init__(self, store: Store, contents: Contents, files: Files, output: Path) -> None:
        self.store, self.contents, self.files, self.output = store, contents, files, str(output)
        self.count = 0
        self._folders: set[str] = set()
        self._templates = _templates(store, contents)
        self._class_record = functools.lru_cache(maxsize=4)(functools.partial(store.read, "classes"))
        self._neighbours = _read_neighbours(store)
        # Classes of images are linked to logits of the same name, unless two have it.
        logits = [entry for entry in contents.entries.values() if entry.kind == "logit"]
        counts = Counter(entry.name for entry in logits)
        self._by_name = {entry.name: entry for entry in logits if counts[entry.name] == 1}

    def write_all(self) -> None:
        groups = self.contents.groups.values()
        classes = next((group.entries for group in groups if group.kind == "class"), [])
        shown = [group for group in groups if group.kind != "class"]
        self._write("index", "home", groups=shown, classes=classes[:_CLASSES], card=_CARD, class_count=len(classes))
        self._write("about", "about", settings=shown_settings(self.store.manifest))
        for group in groups:
            self._write_lists(group)
            if group.kind == "class":
                for entry, before, after in _with_neighbours(group.entries):
                    self._write_class(entry, before, after)
            else:
                for entry, before, after in _with_neighbours(group.entries):
                    self._write_unit(group, entry, before, after)
        for key in self.contents.grids:
            self._write_grid(key)

    def _write(self, address: str, template: str, **values: Any) -> None:
        path = os.path.join(self.output, f"{address}.html")
        folder = os.path.dirname(path)
        if folder not in self._folders:
            os.makedirs(folder, exist_ok=True)
            self._folders.add(folder)
        text = self._templates(template).render(root="../" * address.count("/"), address=address, **values)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
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
            concept_class=home,
            class_name=record["name"] if record else None,
            class_page=self.contents.class_of_logit.get(entry.key),
            by_name=self._by_name,
            command=command,
            command_note=note,
        )

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


def _templates(store: Store, contents: Contents) -> Callable[[str], Any]:
    """Jinja2's templates by name. Everything that they show is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
    )
    environment.filters |= {
        "number": _number,
        "address": quote,
        "histogram": histogram_path,
        "history": history_path,
        "percent": _percent,
    }
    manifest = store.manifest
    environment.globals |= {
        "manifest": manifest,
        "contents": contents,
        "version": __version__,
        "has_classes": bool(contents.classes),
        "main_settings": _main_settings(manifest),
    }
    return lambda name: environment.get_template(f"{name}.html")


def _main_settings(manifest: dict[str, Any]) -> str:
    """The method in a few words, for every unit's page."""
    settings = manifest["settings"]
    size = settings.get("image_size")
    parts = [str(settings.get("method", manifest["method"]))]
    parts += [f"recipe {settings['recipe']}"] if settings.get("recipe") else []
    parts += [
        f"{settings[name]} {text}" for name, text in (("steps", "steps"), ("crops", "views")) if settings.get(name)
    ]
    parts += [f"{size[0]} x {size[1]} pixels"] if isinstance(size, list) else []
    return ", ".join(parts)


def _read_neighbours(store: Store) -> dict[str, list[list[Any]]]:
    path = store.folder / "neighbours.json"
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"The nearest units must be JSON. Received: {path}, which is damaged ({error}).") from error


def _with_neighbours(entries: Iterable[Entry]) -> Iterable[tuple[Entry, Entry | None, Entry | None]]:
    """Every unit with the one before and the one after it."""
    before: Entry | None = None
    for entry, after in itertools.zip_longest(entries, itertools.islice(entries, 1, None)):
        yield entry, before, after
        before = entry


def _percent(share: float) -> str:
    if 0 < share < 0.01:
        return "less than 1 %"
    return f"{100 * share:.0f} %"


def _number(value: float | None, digits: int = 4) -> str:
    """A number with a few digits, and with commas for thousands."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, int) or (float(value).is_integer() and abs(value) >= 10**digits):
        return f"{int(value):,}"
    text = f"{value:.{digits}g}"
    return text.replace("-", "\N{MINUS SIGN}", 1) if text.startswith("-") else text
