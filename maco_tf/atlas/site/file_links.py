"""The files of records in the site: hard links, or copies if the atlas is on another disk."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from maco_tf.atlas.record_store import RECORD, Store

# Features, which the store keeps beside the images, are not shown.
_SHOWN = (".webp", ".json")


class FileLinks:
    """Puts the files of records into the site.

    Args:
        store: the atlas.
        folder: the folder for the files.

    Attributes:
        linked: number of hard links.
        copied: number of copies.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._root = store, str(folder)
        self.linked = self.copied = 0

    def add(self, section: str, key: str, names: Iterable[str]) -> None:
        """Put files of a record, and the record itself, into the site.

        Args:
            section: the section of the record.
            key: its key.
            names: names of its files, of which only images are shown.
        """
        source, target = str(self._store.path(section, key)), os.path.join(self._root, section, key)
        os.makedirs(target, exist_ok=True)
        for name in (*names, RECORD):
            if name.endswith(_SHOWN):
                self._put(os.path.join(source, name), os.path.join(target, name))

    def _put(self, source: str, target: str) -> None:
        if not self.copied:
            try:
                os.link(source, target)
                self.linked += 1
                return
            except FileNotFoundError as error:
                raise ValueError(
                    f"The files of a record must exist. Received: {source}, which is missing. Run: maco-tf atlas check"
                ) from error
            except OSError:
                # Another disk, or one without hard links.
                pass
        shutil.copyfile(source, target)
        self.copied += 1
