import contextlib
import errno
import fcntl
import signal
import subprocess
import sys

import pytest

from maco_tf.atlas.run_lock import brief_lock, run_lock

_HOLDER = """
import pathlib, sys, time
from maco_tf.atlas.run_lock import run_lock
with run_lock(pathlib.Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3]))):
    print("held", flush=True)
    time.sleep(60)
"""


@contextlib.contextmanager
def held_by_another(folder, shard=(0, 1)):
    """Another process holds the lock, and is killed at the end."""
    process = subprocess.Popen([sys.executable, "-c", _HOLDER, folder, *map(str, shard)], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_a_second_run_is_refused_until_the_first_dies(tmp_path):
    with held_by_another(tmp_path) as process:
        with pytest.raises(ValueError, match=f"process {process.pid} on"), run_lock(tmp_path):
            pass
        with pytest.raises(ValueError, match="another run"), run_lock(tmp_path, (0, 2)):
            pass
    # What a killed process leaves behind is no obstacle.
    with run_lock(tmp_path):
        pass


def test_shards_share_a_folder(tmp_path):
    with held_by_another(tmp_path, (0, 2)):
        with run_lock(tmp_path, (1, 2)):
            pass
        for shard in ((0, 2), (0, 1)):
            with pytest.raises(ValueError, match="another run"), run_lock(tmp_path, shard):
                pass


def test_a_brief_lock_waits(tmp_path, monkeypatch):
    modes = []
    monkeypatch.setattr(fcntl, "flock", lambda file, mode: modes.append(mode))
    with brief_lock(tmp_path, "end"):
        pass
    assert modes == [fcntl.LOCK_EX]


def test_without_locks_a_warning_says_so(tmp_path, monkeypatch):
    def refuse(file, mode):
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.warns(UserWarning, match="no locks"), run_lock(tmp_path):
        pass
