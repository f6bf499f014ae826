"""The folder of an atlas: records with their files and checksums."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from maco_tf.atlas.atomic_files import PARTIAL, remove, write_file, write_folder
from maco_tf.atlas.manifest import as_json, checksum, differences, manifest_digest, read_json, readable

#: The kinds of records, each in a folder of its own.
SECTIONS = ("items", "natural", "classes", "grids")
MANIFEST, RECORD, LOCKS = "atlas.json", "record.json", "locks"

# What an atlas has in its folder.
_OWN = {MANIFEST, *SECTIONS, PARTIAL, LOCKS, "neighbours.json", "index.jsonl", "index.parquet", "log.txt"}
_KEY = re.compile(r"(?!\.)[A-Za-z0-9_.-]+(?:/(?!\.)[A-Za-z0-9_.-]+)*")


class Store:
    """An atlas on disk, which `Store.create` or `Store.open` makes. The guide describes its files.

    Attributes:
        folder: its path.
        manifest: dictionary, the content of atlas.json.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.folder, self.manifest = folder, manifest

    @classmethod
    def create(cls, folder: str | os.PathLike[str], manifest: Mapping[str, Any], *, overwrite: bool = False) -> "Store":
        """Begin an atlas, or go on with one that has the same settings.

        Args:
            folder: its path; missing folders are created.
            manifest: dictionary, as JSON; gains "digest", see `manifest_digest`.
            overwrite: whether an atlas with other settings is deleted.

        Returns:
            A `Store`.

        Raises:
            ValueError: the folder holds an atlas with other settings, which the message names; or other files.
            OSError: the folder cannot be written.
        """
        folder, manifest = Path(folder), as_json(manifest)
        manifest["digest"] = manifest_digest(manifest)
        earlier = cls.find(folder, manifest, overwrite=overwrite)
        if earlier is not None:
            return earlier
        folder.mkdir(parents=True, exist_ok=True)
        # The manifest last: a process that is killed here leaves a smaller atlas of the earlier settings.
        for name in _OWN - {LOCKS, MANIFEST}:
            remove(folder / name)
        write_file(folder, folder / MANIFEST, readable(manifest))
        return cls(folder, manifest)

    @classmethod
    def find(
        cls, folder: str | os.PathLike[str], manifest: Mapping[str, Any], *, overwrite: bool = False
    ) -> "Store | None":
        """The atlas of a folder if it has the same settings, without writing anything.

        Args:
            folder: see `create`.
            manifest: see `create`.
            overwrite: see `create`.

        Returns:
            A `Store`; `None` if `create` would begin one.

        Raises:
            ValueError: see `create`.
        """
        folder = Path(folder)
        if folder.exists() and not folder.is_dir():
            raise ValueError(f'"folder" must be a folder. Received: {folder}, which is a file. Choose another name.')
        entries = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
        if MANIFEST not in entries:
            foreign = [name for name in entries if name not in (LOCKS, PARTIAL)]
            if foreign:
                raise ValueError(
                    f'"folder" must be empty or hold an atlas. Received: {folder}, which holds {", ".join(foreign[:3])}'
                    f" but no {MANIFEST}. Choose another folder."
                )
            return None
        earlier = cls.open(folder)
        changed = differences(earlier.manifest, as_json(manifest))
        if changed and overwrite:
            return None
        if changed:
            raise ValueError(
                f'"folder" must hold an atlas with the same settings, or no atlas. Received: {folder}, where '
                f"{'; '.join(changed[:3])}. Choose another folder, or overwrite this one."
            )
        return earlier

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> "Store":
        """Read an atlas.

        Args:
            folder: its path.

        Returns:
            A `Store`.

        Raises:
            ValueError: the folder holds no atlas, or its manifest is damaged or edited.
        """
        path = Path(folder) / MANIFEST
        if not path.is_file():
            raise ValueError(f'"folder" must hold an atlas. Received: {folder}, which has no {MANIFEST}.')
        manifest = read_json(path)
        if manifest.get("digest") != manifest_digest(manifest):
            raise ValueError(f"A manifest must be unchanged. Received: {path}, whose digest does not match.")
        if manifest.get("version", 1) > 1:
            raise ValueError(f'"folder" must hold an atlas of version 1. Received: {path}, written by a later maco_tf.')
        return cls(Path(folder), manifest)

    def write(self, section: str, key: str, record: Mapping[str, Any], files: Mapping[str, bytes]) -> Path:
        """Write a record and its files, in place of earlier ones. They appear together, or not at all.

        Args:
            section: one of `SECTIONS`.
            key: the record's key, such as "logit/0254/seed-0".
            record: dictionary, as JSON; gains "files" and "checksum".
            files: dictionary, name -> content.

        Returns:
            The folder of the record.

        Raises:
            ValueError: the section or the key is not valid.
            OSError: the disk is full, or the folder cannot be written. What was there before is intact.
        """
        path = self.path(section, key)
        complete = {**as_json(record), "files": {name: _sha256(files[name]) for name in sorted(files)}}
        complete["checksum"] = checksum(complete)
        write_folder(self.folder, path, {**files, RECORD: readable(complete)})
        return path

    def write_file(self, name: str, content: bytes) -> Path:
        """Write a file at the top of the folder, in place of an earlier one.

        Args:
            name: its name.
            content: its content.

        Returns:
            Its path.

        Raises:
            OSError: see `write`.
        """
        write_file(self.folder, self.folder / name, content)
        return self.folder / name

    def path(self, section: str, key: str, name: str = "") -> Path:
        """The path of a record's folder, or of a file in it, whether or not it exists.

        Args:
            section: one of `SECTIONS`.
            key: the record's key.
            name: the name of a file.

        Raises:
            ValueError: there is no such section, or the key is not valid.
        """
        if section not in SECTIONS:
            raise ValueError(f'"section" must be one of {", ".join(SECTIONS)}. Received: {section!r}.')
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise ValueError(f'"key" must be names joined by "/", such as "logit/0254". Received: {key!r}.')
        return self.folder / section / key / name

    def read(self, section: str, key: str) -> dict[str, Any]:
        """Read a record.

        Args:
            section: one of `SECTIONS`.
            key: the record's key.

        Returns:
            The record. Its files are not read; see `is_whole`.

        Raises:
            ValueError: the record is missing, damaged or edited; the message names its file.
        """
        path = self.path(section, key, RECORD)
        if not path.is_file():
            raise ValueError(f'"key" must be the key of a record. Received: {key!r}, but {path} does not exist.')
        record = read_json(path)
        if record.get("checksum") != checksum(record):
            raise ValueError(f"A record must be unchanged. Received: {path}, whose checksum does not match.")
        return record

    def keys(self, section: str) -> list[str]:
        """The keys of all records of a section, sorted.

        Args:
            section: one of `SECTIONS`.
        """
        root = os.path.join(self.path(section, "_").parent, "")
        return sorted(path.removeprefix(root).replace(os.sep, "/") for path in _record_folders(root))

    def is_whole(self, section: str, key: str) -> bool:
        """Whether a record can be read and all its files match their checksums.

        Args:
            section: one of `SECTIONS`.
            key: the record's key.
        """
        return not self.problems(section, key)

    def problems(self, section: str, key: str) -> list[str]:
        """What is wrong with a record.

        Args:
            section: one of `SECTIONS`.
            key: the record's key.

        Returns:
            List of sentences; empty if the record and its files are whole.
        """
        try:
            record = self.read(section, key)
        except ValueError as error:
            return [str(error)]
        found = []
        for name, expected in record["files"].items():
            path = self.path(section, key, name)
            try:
                if _sha256(path.read_bytes()) != expected:
                    found.append(f"{path} does not match its checksum.")
            except OSError as error:
                found.append(f"{path} cannot be read: {error.strerror}.")
        return found

    def foreign_files(self) -> Iterator[Path]:
        """Files that are not the atlas's own, and folders at its top."""
        yield from sorted(path for path in self.folder.iterdir() if path.name not in _OWN)
        for section in SECTIONS:
            root = self.folder / section
            for folder, folders, names in os.walk(root):
                folders.sort()
                own = set()
                if RECORD in names:
                    try:
                        own = {RECORD, *self.read(section, Path(folder).relative_to(root).as_posix())["files"]}
                    except ValueError:  # `problems` reports it.
                        continue
                yield from (Path(folder, name) for name in sorted(set(names) - own))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _record_folders(folder: str) -> Iterator[str]:
    """The folders below one that hold a record, in any order. A record holds no folder."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    if any(entry.name == RECORD for entry in entries):
        yield folder
        return
    for entry in entries:
        if entry.is_dir():
            yield from _record_folders(entry.path)
