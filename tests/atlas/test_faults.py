"""Faults of a build, in real processes: SIGKILL, a full disk, damage, foreign files, and two runs at once.

The server forks processes that have TensorFlow imported, but not yet started, so a process costs no import.
"""

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from maco_tf.atlas import build, check
from maco_tf.atlas.record_store import RECORD, Store
from tests.atlas.test_atlas_build import bits
from tests.conftest import build_tiny_model

UNITS = ["logit:*"]
SETTINGS = {"steps": 2, "transforms": [], "batch": 2, "seeds": 4, "image_size": 16, "jit_compile": False, "verbose": 0}
ITEMS = 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="needs a system with fork"),
]


def target(folder, options, answer):
    """What a process does: build, and send the error, if there is one."""
    try:
        build(build_tiny_model(), UNITS, folder, **{**SETTINGS, **options})
    except (ValueError, OSError) as error:
        answer.send(f"{type(error).__name__}: {error}")
    else:
        answer.send("built")


class Process:
    """A process that builds."""

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.atlas.test_faults"])

    def __init__(self, folder, **options):
        self._folder = folder
        self._before = self._state()
        self._answer, answer = self.context.Pipe(duplex=False)
        self._process = self.context.Process(target=target, args=(folder, options, answer))
        self._process.start()
        answer.close()

    @property
    def pid(self):
        return self._process.pid

    @property
    def items(self):
        """Number of items that were there before."""
        return self._before[1]

    def wait_until_it_explains(self, items=0):
        """Wait until the process has planned its work and written some items, or has ended."""
        size, count = self._before
        while self._process.is_alive():
            size_now, count_now = self._state()
            if size_now > size and count_now >= count + items:
                return
            time.sleep(0.002)

    def kill(self):
        """Send SIGKILL.

        Returns:
            Whether that ended the process.
        """
        self._process.kill()
        self._process.join()
        return self._process.exitcode == -signal.SIGKILL

    def result(self):
        """ "built", or the error."""
        try:
            return self._answer.recv()
        finally:
            self._process.join()

    def _state(self):
        """The size of the log, and the number of items."""
        log = self._folder / "log.txt"
        return log.stat().st_size if log.exists() else 0, len(list(self._folder.glob("items/logit/*/*/record.json")))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An atlas that was built without a break."""
    folder = tmp_path_factory.mktemp("faults") / "whole"
    assert Process(folder).result() == "built"
    assert len(Store.open(folder).keys("items")) == ITEMS
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    """A copy of it, to be damaged."""
    shutil.copytree(whole, tmp_path / "copy")
    return Store.open(tmp_path / "copy")


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of 300 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("seed", range(5))
def test_kills_at_any_moment_lose_nothing(whole, tmp_path, seed):
    """Twenty kills in all."""
    draws, kills = random.Random(seed), 0
    while kills < 4:
        process = Process(tmp_path / "atlas")
        # After any number of new items; before the first one, TensorFlow traces.
        items = draws.randrange(max(1, (ITEMS - process.items) // 2))
        process.wait_until_it_explains(items)
        time.sleep(draws.uniform(0, 0.03 if items else 0.5))
        kills += process.kill()
        # All that is there is whole.
        store = Store.open(tmp_path / "atlas")
        assert all(store.is_whole("items", key) for key in store.keys("items"))
    assert Process(tmp_path / "atlas").result() == "built"
    assert bits(tmp_path / "atlas") == bits(whole)


def test_a_full_disk_stops_with_a_clear_error_and_a_whole_store(whole, tiny_disk):
    message = Process(tiny_disk / "atlas").result()
    assert message.startswith("OSError")
    assert "disk" in message
    assert "same command" in message
    store = Store.open(tiny_disk / "atlas")
    keys = store.keys("items")
    assert 0 < len(keys) < ITEMS
    assert all(store.is_whole("items", key) for key in keys)
    # With more space, the same command goes on.
    subprocess.run(["mount", "-o", "remount,size=10M", str(tiny_disk)], check=True)
    assert Process(tiny_disk / "atlas").result() == "built"
    assert bits(tiny_disk / "atlas") == bits(whole)


def test_a_folder_that_cannot_be_written_is_refused(request, tmp_path):
    if os.geteuid():
        folder = tmp_path / "locked"
        folder.mkdir(mode=0o500)
    else:
        # Root may write to folders whatever their permissions are, but not to a disk that is read-only.
        folder = request.getfixturevalue("tiny_disk")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    message = Process(folder / "atlas").result()
    assert message.startswith("OSError" if not os.geteuid() else "PermissionError")
    assert str(folder / "atlas") in message


def test_damage_is_found_and_repaired_and_foreign_files_are_left_alone(whole, copy):
    truncated = copy.path("items", "logit/1/seed-0", "image.webp")
    truncated.write_bytes(truncated.read_bytes()[:100])
    edited = copy.path("items", "logit/4/seed-3", RECORD)
    edited.write_text(edited.read_text().replace('"seed": 3', '"seed": 2'))
    copy.path("items", "logit/2/seed-1", "thumb-128.webp").unlink()
    foreign = [copy.folder / "notes.txt", copy.path("items", "logit/0/seed-0", "notes.txt")]
    for path in foreign:
        path.write_text("mine")
    found = check(copy.folder)
    for path in (truncated, edited, copy.path("items", "logit/2/seed-1", "thumb-128.webp"), *foreign):
        assert sum(str(path) in problem for problem in found) == 1, (path, found)
    assert Process(copy.folder).result() == "built"
    assert [path.read_text() for path in foreign] == ["mine", "mine"]
    for path in foreign:
        path.unlink()
    assert bits(copy.folder) == bits(whole)
    assert check(copy.folder) == []


def test_a_folder_of_foreign_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    message = Process(tmp_path).result()
    assert message.startswith("ValueError")
    assert "thesis.tex" in message
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_two_runs_do_not_share_a_folder(whole, tmp_path):
    first = Process(tmp_path / "atlas")
    first.wait_until_it_explains()
    message = Process(tmp_path / "atlas").result()
    assert message.startswith("ValueError")
    assert f"process {first.pid}" in message
    assert first.result() == "built"
    assert bits(tmp_path / "atlas") == bits(whole)


def test_two_shards_share_a_folder(whole, tmp_path):
    shards = [Process(tmp_path / "atlas", shard=(number, 2)) for number in range(2)]
    assert [shard.result() for shard in shards] == ["built", "built"]
    assert bits(tmp_path / "atlas") == bits(whole)
