"""Faults while files are written: a full disk, a kill, folders that cannot be written."""

import errno
import os
import signal
import socket
import subprocess
import sys

import pytest

from maco_tf.atlas import atomic_files
from maco_tf.atlas.atomic_files import PARTIAL, clear_unfinished, write_file, write_folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_replaces_another(tmp_path):
    write_folder(tmp_path, tmp_path / "a" / "b", {"1": b"one", "2": b"two"})
    write_folder(tmp_path, tmp_path / "a" / "b", {"1": b"new"})
    assert contents(tmp_path / "a" / "b") == {"1": b"new"}
    assert contents(tmp_path / PARTIAL) == {}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, code):
    write_folder(tmp_path, tmp_path / "a", {"1": b"one", "2": b"two"})
    write_file(tmp_path, tmp_path / "file", b"old")
    syncs = []

    def full(descriptor):
        syncs.append(descriptor)
        if len(syncs) > 1:
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk is full"):
        write_folder(tmp_path, tmp_path / "a", {"1": b"new", "2": b"new"})
    with pytest.raises(OSError, match="disk is full"):
        write_file(tmp_path, tmp_path / "file", b"new")
    assert contents(tmp_path / "a") == {"1": b"one", "2": b"two"}
    assert (tmp_path / "file").read_bytes() == b"old"
    assert contents(tmp_path / PARTIAL) == {}


_ENDLESS = """
import itertools, pathlib, sys
from maco_tf.atlas.atomic_files import write_folder
root = pathlib.Path(sys.argv[1])
for number in itertools.count():
    text = f"{number:100000d}".encode()
    write_folder(root, root / "a", {"1": text, "2": text})
    if number == 2:
        print("begun", flush=True)
"""


def test_after_a_kill_a_folder_is_whole_and_the_rest_is_cleared(tmp_path):
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", _ENDLESS, tmp_path], stdout=subprocess.PIPE)
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        # Killed between the two renames of a replacement, it is missing as a whole.
        if (tmp_path / "a").exists():
            found = contents(tmp_path / "a")
            assert set(found) == {"1", "2"}
            assert found["1"] == found["2"]
            assert len(found["1"]) == 100000
    clear_unfinished(tmp_path)
    assert contents(tmp_path / PARTIAL) == {}


def test_only_what_the_dead_left_is_cleared(tmp_path):
    partial = tmp_path / PARTIAL
    partial.mkdir()
    host = socket.gethostname()
    alive, dead, mine = os.getppid(), 2**22 + 1, os.getpid()
    kept = {f"{host}_{alive}_ffffffff_0", f"other-{host}_{dead}_ffffffff_0", "exemplars.npz"}
    kept.add(f"{host}_{mine}_{atomic_files._TOKEN}_0")
    # The number of this process, but of an earlier life.
    gone = {f"{host}_{dead}_ffffffff_0", f"{host}_{mine}_ffffffff_0"}
    for name in kept | gone:
        (partial / name).mkdir()
    clear_unfinished(tmp_path)
    assert {path.name for path in partial.iterdir()} == kept
