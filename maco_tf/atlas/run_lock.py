"""Who may write to a folder: one run, or the shards of one, on any number of machines."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from maco_tf.atlas.record_store import LOCKS
from maco_tf.checks import warn_user

# Errors of file systems that have no locks.
_WITHOUT = (errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS, errno.EINVAL)


@contextlib.contextmanager
def run_lock(folder: Path, shard: tuple[int, int] = (0, 1)) -> Iterator[None]:
    """A block in which no other run writes to a folder, except other shards.

    The system drops the lock of a process that ends in any way, so nothing is left behind that would keep the next run
    out. Windows and some network file systems have no such locks; there, a warning says so.

    Args:
        folder: the folder of an atlas, which must exist.
        shard: `(number, count)`.

    Raises:
        ValueError: another run is writing to the folder, or one of the same shard.
    """
    name = f"shard-{shard[0]}-of-{shard[1]}"
    with contextlib.ExitStack() as stack:
        stack.enter_context(_lock(folder, "run", shared=shard[1] > 1))
        if shard[1] > 1:
            stack.enter_context(_lock(folder, name, shared=False))
        yield


@contextlib.contextmanager
def brief_lock(folder: Path, name: str) -> Iterator[None]:
    """A block that shards go through one after the other.

    Args:
        folder: the folder of an atlas, which must exist.
        name: the name of the block.
    """
    with _lock(folder, name, shared=False, wait=True):
        yield


@contextlib.contextmanager
def _lock(folder: Path, name: str, *, shared: bool, wait: bool = False) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows.
        warn_user(f"This system cannot lock {folder}. Do not start a second run on it.")
        yield
        return
    path = folder / LOCKS / name
    path.parent.mkdir(exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise ValueError(
                f'"folder" must not be in use by another run. Received: {folder}, to which {holder} is writing. Wait '
                "until it ends, or share the work with --shard 0/2 and --shard 1/2."
            ) from error
        except OSError as error:
            if error.errno not in _WITHOUT:
                raise
            warn_user(
                f"The file system of {folder} has no locks. Do not start a second run on it, unless "
                "it is another shard."
            )
        # For the message of another run.
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield
