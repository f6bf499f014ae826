"""The folder of a site: written beside its place, and moved there when it is whole."""

import dataclasses
import hashlib
import importlib.util
import json
import os
import shutil
from pathlib import Path

from maco_tf.atlas.record_store import RECORD, SECTIONS, Store
from maco_tf.atlas.site.entries import read_contents
from maco_tf.atlas.site.page_shares import write_in_shares
from maco_tf.atlas.site.search_index import index_files
from maco_tf.version import __version__

# The file that marks a folder as a site, and records which state of which atlas it shows.
_MARK = "site.json"
_FORMAT = "maco_tf atlas site"
_STATIC = Path(__file__).parent / "static"


@dataclasses.dataclass(frozen=True)
class Site:
    """A site on disk.

    Attributes:
        folder: its path; `index.html` is its first page.
        pages: number of its pages.
        linked: number of files that are hard links to those of the atlas, and take no space.
        copied: number of files that were copied, because the atlas is on another disk.
    """

    folder: Path
    pages: int
    linked: int
    copied: int


def write_site(folder: str | os.PathLike[str], output: str | os.PathLike[str] | None = None) -> Site:
    """Write the site of an atlas, in place of an earlier one.

    Images are hard links to those of the atlas, or copies if it is on another disk. A site appears whole or not at all.

    Args:
        folder: the atlas.
        output: the folder of the site. `None` stands for the name of the atlas with "-site" at the end, beside it.

    Returns:
        A `Site`.

    Raises:
        ValueError: `folder` holds no atlas, or one with a damaged record; or `output` holds something else than a site,
            or lies inside the atlas.
        ImportError: Jinja2 is not installed.
        OSError: the folder cannot be written.
    """
    if importlib.util.find_spec("jinja2") is None:
        raise ImportError('The site of an atlas needs Jinja2. Run: pip install "maco_tf[atlas]"')
    store = Store.open(folder)
    target = default_output(folder) if output is None else Path(output).resolve()
    _check_output(target, store.folder.resolve())
    # Before the records are read: what a build adds meanwhile makes the site outdated.
    state = _state(store)
    partial = target.with_name(f".{target.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        contents = read_contents(store)
        shutil.copytree(_STATIC, partial / "static")
        (partial / "data").mkdir()
        for name, text in index_files(contents):
            (partial / "data" / name).write_text(text, encoding="utf-8")
        written = write_in_shares(store, contents, partial)
        (partial / _MARK).write_text(json.dumps({"format": _FORMAT, "state": state}) + "\n", encoding="utf-8")
        _move(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Site(target, *written)


def default_output(folder: str | os.PathLike[str]) -> Path:
    """The folder of the site of an atlas: beside it, with "-site" at the end of the name."""
    path = Path(folder).resolve()
    return path.with_name(f"{path.name}-site")


def is_site(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder is a site that `write_site` wrote."""
    return _mark(Path(folder)) is not None


def is_current(folder: str | os.PathLike[str], site: str | os.PathLike[str]) -> bool:
    """Whether a site shows everything that is in an atlas now.

    Args:
        folder: the atlas.
        site: the folder of the site.

    Raises:
        ValueError: `folder` holds no atlas.
    """
    mark = _mark(Path(site))
    return mark is not None and mark.get("state") == _state(Store.open(folder))


def _check_output(target: Path, atlas: Path) -> None:
    if target == atlas or atlas in target.parents:
        raise ValueError(f'"output" must lie outside the atlas. Received: {target}. Choose another folder.')
    if target.exists() and not target.is_dir():
        raise ValueError(f'"output" must be a folder. Received: {target}, which is a file. Choose another name.')
    if target.exists() and any(target.iterdir()) and not is_site(target):
        raise ValueError(
            f'"output" must be empty or hold an earlier site. Received: {target}, which holds other files. Choose '
            "another folder."
        )


def _mark(folder: Path) -> dict[str, str] | None:
    try:
        mark = json.loads((folder / _MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return mark if isinstance(mark, dict) and mark.get("format") == _FORMAT else None


def _state(store: Store) -> str:
    """A digest that changes whenever a record is written, or another version of the package draws the pages."""
    digest = hashlib.sha256(f"{__version__} {store.manifest['digest']}".encode())
    paths = [store.folder / "neighbours.json"]
    paths += [store.path(section, key, RECORD) for section in SECTIONS for key in store.keys(section)]
    for path in paths:
        if path.exists():
            digest.update(f"{path.relative_to(store.folder)} {path.stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _move(partial: Path, target: Path) -> None:
    if not target.exists():
        os.rename(partial, target)
        return
    earlier = target.with_name(f".{target.name}.earlier-{os.getpid()}")
    os.rename(target, earlier)
    os.rename(partial, target)
    shutil.rmtree(earlier, ignore_errors=True)


def say_written(site: Site) -> None:
    """Print where a site is, and how its files came there."""
    how = f"{site.linked:,} hard links to files" if not site.copied else f"{site.copied:,} copies of files"
    print(f"Wrote {site.pages:,} pages, with {how} of the atlas: {site.folder / 'index.html'}")
