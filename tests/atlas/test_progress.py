import keras
import pytest

from maco_tf import Logit
from maco_tf.atlas import progress as module
from maco_tf.atlas.chunks import Chunk
from maco_tf.atlas.progress import Progress, StepClock, duration
from maco_tf.atlas.unit import Unit


def chunk(layer, size=2):
    return Chunk((Unit(f"channel/{layer}/0", "channel", layer, 0, "", Logit(0)),) * size, 0, size)


def test_the_time_left_by_hand(tmp_path):
    progress = Progress(tmp_path / "log.txt", 0)
    chunks = [chunk("a"), chunk("a"), chunk("b", 4), chunk("b", 4)]
    progress.begin(chunks)
    assert progress.seconds_left is None
    progress.finish(chunks[0], seconds=16.0, tracing=10.0)
    # 3 s an image for the rest of a, the same for b, which must still be traced.
    assert progress.seconds_left == pytest.approx(2 * 3 + 8 * 3 + 10)
    progress.finish(chunks[2], seconds=24.0, tracing=20.0)
    assert progress.seconds_left == pytest.approx(2 * 3 + 4 * 1)
    progress.finish(chunks[1], seconds=2.0)
    # a took 8 s for 4 images.
    assert progress.seconds_left == pytest.approx(4 * 1)
    progress.finish(chunks[3], seconds=4.0)
    assert progress.seconds_left == 0


def test_workers_divide_the_time_left(tmp_path):
    alone, shared = Progress(tmp_path / "a", 0), Progress(tmp_path / "b", 0, workers=2)
    for progress in (alone, shared):
        chunks = [chunk("a"), chunk("a"), chunk("a")]
        progress.begin(chunks)
        progress.finish(chunks[0], 6.0)
    assert shared.seconds_left == alone.seconds_left / 2


def test_the_log_has_a_line_for_every_chunk(tmp_path, capsys):
    progress = Progress(tmp_path / "log.txt", 0)
    chunks = [chunk("a"), chunk("a")]
    progress.begin(chunks)
    for item in chunks:
        progress.finish(item, 120.0)
    begun, first, last = (tmp_path / "log.txt").read_text().splitlines()
    assert begun.endswith("4 images are left")
    assert "2 of 4 images, about 2 min left. channel/a, seed 0: 60 s per image" in first
    assert "4 of 4 images, all done" in last
    assert capsys.readouterr() == ("", "")


def test_a_terminal_line_is_redrawn(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr(module, "_EVERY", 0.0)
    progress = Progress(tmp_path / "log.txt")
    item = chunk("a", 4)
    progress.begin([item])
    capsys.readouterr()
    progress.step(item, 0.5)
    assert capsys.readouterr().err.startswith("\r2 of 4 images, time left unknown")


def test_tracing_is_measured_apart(monkeypatch):
    times = iter([0.0, 5.0, 6.0, 7.0, 8.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(times))
    shares = []
    clock = StepClock(4, shares.append)
    assert isinstance(clock, keras.callbacks.Callback)
    for step in range(4):
        clock.on_train_batch_end(step)
    assert (clock.step_seconds, clock.tracing, shares) == (1.0, 4.0, [0.25, 0.5, 0.75, 1.0])


def test_durations():
    assert [duration(seconds) for seconds in (0.2, 59, 61, 3599, 7500, 3 * 86400)] == [
        "1 s",
        "59 s",
        "1 min",
        "1 h 0 min",
        "2 h 5 min",
        "3.0 days",
    ]
