"""The contents of a site: all units, with the few values that lists, search and neighbours need."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from maco_tf.atlas.manifest import read_json
from maco_tf.atlas.record_store import RECORD, Store

# Classes of a unit that the search finds it by. The ratio is that of the unit's mean on the class to an average class.
_WORDS, _RATIO = 3, 1.0
# The order of kinds where no layer gives one.
_KINDS = ("neuron", "channel", "cell", "logit", "concept", "class")
#: Kinds whose units are known by their layer and number.
NUMBERED = ("channel", "neuron")
_NOUNS = {
    "channel": ("channel", "channels"),
    "neuron": ("neuron", "neurons"),
    "logit": ("logit", "logits"),
    "concept": ("concept", "concepts"),
    "cell": ("cell", "cells"),
    "class": ("class", "classes"),
}


@dataclasses.dataclass(slots=True)
class Entry:
    """A unit, or a class that has a page of concepts, as lists show it.

    Attributes:
        key: the address of its page, without the ending.
        kind: the kind of the unit, or "class".
        layer: the name of its layer, or `None`.
        index: its number in its layer.
        name: its name.
        picture: the key of the item whose thumbnail stands for it, or `None`.
        seeds: the seeds of its items.
        score: the score of its first item, or `None`.
        dead: whether no natural image changes it; `None` if that is not known.
        clarity: how clear its meaning is, or `None`.
        activity: the share of natural images that activate it, in [0, 1], or `None`.
        words: names of the classes that activate it most.
    """

    key: str
    kind: str
    layer: str | None
    index: int
    name: str
    picture: str | None = None
    seeds: tuple[int, ...] = ()
    score: float | None = None
    dead: bool | None = None
    clarity: float | None = None
    activity: float | None = None
    words: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The name in a list of its own layer."""
        if self.kind in NUMBERED:
            return self.key.rpartition("/")[2].lstrip("0") or "0"
        return self.words[0] if self.kind == "cell" and self.words else self.name


@dataclasses.dataclass
class Group:
    """The units of one kind and layer, which share a page.

    Attributes:
        prefix: what their keys begin with; also the address of their page, without the ending.
        kind: the kind of the units.
        layer: the name of their layer, or `None`.
        entries: the units, by key.
    """

    prefix: str
    kind: str
    layer: str | None
    entries: list[Entry] = dataclasses.field(default_factory=list)

    @property
    def title(self) -> str:
        """The heading of the page."""
        return self.layer if self.layer is not None and self.layered else self.nouns[1].capitalize()

    @property
    def numbered(self) -> bool:
        """Whether its units are known by their layer and number."""
        return self.kind in NUMBERED

    @property
    def layered(self) -> bool:
        """Whether its units belong to one layer."""
        return self.layer is not None and self.kind in (*NUMBERED, "cell")

    @property
    def nouns(self) -> tuple[str, str]:
        """The kind, for one unit and for several."""
        return _NOUNS.get(self.kind, (self.kind, f"{self.kind}s"))

    @property
    def count(self) -> str:
        """The number of units as text, such as "96 channels"."""
        return f"{len(self.entries):,} {self.nouns[len(self.entries) != 1]}"


@dataclasses.dataclass
class Contents:
    """Everything that a site lists.

    Attributes:
        groups: dictionary, prefix -> `Group`, in the order of computation.
        entries: dictionary, key -> `Entry`.
        natural: keys of the units that have natural images.
        classes: keys of the classes that have concepts, such as "0254".
        grids: keys of the layers that have an activation grid.
        class_of_concept: dictionary, key of a concept -> key of its class.
        class_of_logit: dictionary, key of a logit -> key of its class.
    """

    groups: dict[str, Group] = dataclasses.field(default_factory=dict)
    entries: dict[str, Entry] = dataclasses.field(default_factory=dict)
    natural: set[str] = dataclasses.field(default_factory=set)
    classes: list[str] = dataclasses.field(default_factory=list)
    grids: list[str] = dataclasses.field(default_factory=list)
    class_of_concept: dict[str, str] = dataclasses.field(default_factory=dict)
    class_of_logit: dict[str, str] = dataclasses.field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Add a unit to its group."""
        prefix = entry.kind if entry.kind == "concept" else entry.key.rpartition("/")[0]
        if prefix not in self.groups:
            self.groups[prefix] = Group(prefix, entry.kind, entry.layer)
        self.groups[prefix].entries.append(entry)
        self.entries[entry.key] = entry


def read_contents(store: Store) -> Contents:
    """Read the contents of a site from an atlas.

    Args:
        store: the atlas.

    Returns:
        `Contents`.

    Raises:
        ValueError: a record is damaged.
    """
    found = Contents(natural=set(store.keys("natural")), classes=store.keys("classes"), grids=store.keys("grids"))
    items: dict[str, list[int]] = {}
    for key in store.keys("items"):
        unit, _, seed = key.rpartition("/seed-")
        items.setdefault(unit, []).append(int(seed))
    for key in sorted(items.keys() | found.natural):
        found.add(_unit_entry(store, key, sorted(items.get(key, ())), key in found.natural))
    for key in found.grids:
        _name_cells(found, store.read("grids", key)["cells"])
    for key in found.classes:
        _add_class(found, key, store.read("classes", key))
    order = {layer["name"]: place for place, layer in enumerate(store.manifest["model"]["layers"])}
    groups = sorted(found.groups.values(), key=lambda group: _place(group, order))
    found.groups = {group.prefix: group for group in groups}
    return found


def _unit_entry(store: Store, key: str, seeds: list[int], natural: bool) -> Entry:
    picture = f"{key}/seed-{seeds[0]}" if seeds else None
    # Without a look at the checksums, which are compared when the page of the unit is drawn.
    item = read_json(store.path("items", picture, RECORD)) if picture else None
    seen = read_json(store.path("natural", key, RECORD)) if natural else None
    first: dict[str, Any] = item or seen or {}
    entry = Entry(key, first["kind"], first["layer"], first["index"], first["name"], picture, tuple(seeds))
    if item:
        entry.score = item["score"]
    if seen:
        entry.dead, entry.clarity = seen["dead"], seen.get("clarity")
        entry.activity = seen["active"] / max(seen["images"], 1)
        if entry.kind != "logit":
            entry.words = _best(seen["classes"])
    return entry


def _best(classes: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(found["name"] for found in classes if found.get("ratio", 0) > _RATIO)[:_WORDS]


def _name_cells(contents: Contents, cells: list[dict[str, Any]]) -> None:
    for cell in cells:
        if cell["key"] in contents.entries:
            contents.entries[cell["key"]].words = tuple(found["name"] for found in cell["classes"][:_WORDS])


def _add_class(contents: Contents, key: str, record: dict[str, Any]) -> None:
    logit = record.get("logit")
    if logit in contents.entries:
        contents.class_of_logit[logit] = key
    shown = [logit, *(concept["key"] for concept in record["concepts"])]
    pictures = [contents.entries[unit].picture for unit in shown if unit in contents.entries]
    picture = next((found for found in pictures if found), None)
    contents.class_of_concept |= {concept["key"]: key for concept in record["concepts"]}
    contents.add(Entry(f"class/{key}", "class", None, record["index"], record["name"], picture))


def _place(group: Group, order: dict[str, int]) -> tuple[int, int, str]:
    kind = _KINDS.index(group.kind) if group.kind in _KINDS else len(_KINDS)
    return order.get(group.layer or "", len(order)) if group.layered else len(order) + 1, kind, group.prefix
