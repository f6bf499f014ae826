"""Files and folders that appear whole or not at all, whenever a process is killed."""

import errno
import glob
import itertools
import os
import secrets
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

# Where they lie until they are complete.
PARTIAL = ".partial"
# Tells this process from an earlier one of the same number, as in a container that is started again.
_TOKEN = secrets.token_hex(4)
_counter = itertools.count()


def write_file(root: Path, path: Path, content: bytes) -> None:
    """Write a file, in place of an earlier one.

    Args:
        root: a folder of the same file system, which gets the unfinished file.
        path: the file. Missing folders are created.
        content: its content.

    Raises:
        OSError: the disk is full, or the folder cannot be written. What was there before is intact.
    """
    with _Unfinished(root) as unfinished:
        _write_synced(unfinished, content)
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(unfinished, path)
        _sync_folder(path.parent)


def write_folder(root: Path, path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files, in place of an earlier one.

    Args:
        root: a folder of the same file system, which gets the unfinished folder.
        path: the folder. Missing folders above it are created.
        files: dictionary, name -> content.

    Raises:
        OSError: see `write_file`.
    """
    with _Unfinished(root) as unfinished:
        unfinished.mkdir()
        for name, content in files.items():
            _write_synced(unfinished / name, content)
        _sync_folder(unfinished)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            # No system replaces a folder by another in one step. A process that is killed between these two lines
            # leaves neither, which counts as missing.
            with _Unfinished(root) as discarded:
                os.rename(path, discarded)
                os.rename(unfinished, path)
        else:
            os.rename(unfinished, path)
        _sync_folder(path.parent)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that it holds, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def clear_unfinished(root: Path) -> None:
    """Remove what processes of this machine left unfinished when they were killed.

    Args:
        root: see `write_file`.
    """
    for path in (root / PARTIAL).glob(f"{glob.escape(socket.gethostname())}_*_*_*"):
        _, process, token, _ = path.name.rsplit("_", 3)
        mine = process == str(os.getpid()) and token == _TOKEN
        if process.isdecimal() and not mine and not _is_other(int(process)):
            remove(path)


class _Unfinished:
    """The temporary path of something that is being written, which is removed at the end if it is still there."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / PARTIAL / f"{socket.gethostname()}_{os.getpid()}_{_TOKEN}_{next(_counter)}"

    def __enter__(self) -> Path:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self._path

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        remove(self._path)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(
                f"The disk must have space for the next record. Received: {self._root}, whose disk is full. All "
                "that was written is intact. Free some space, and run the same command again to go on."
            ) from error


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power failure, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _is_other(process: int) -> bool:
    """Whether a number belongs to another process that is alive."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return process != os.getpid()
