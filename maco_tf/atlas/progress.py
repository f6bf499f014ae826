"""How far a build is, and how long the rest takes, from the chunks that this run has explained."""

import datetime
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras

from maco_tf.atlas.chunks import Chunk

# Seconds between two lines of the terminal.
_EVERY = 0.5


class Progress:
    """Messages of a build: a line that is redrawn on a terminal, and lines in a log.

    Time is measured apart for tracing, which every group of chunks needs once, and for the images, whose cost differs
    between layers. A group that has not begun is taken to cost as much per image as the others on average.

    Args:
        log: the file of the log, to which lines are added.
        verbose: 0 shows nothing on the terminal; the log is written anyway.
        workers: number of chunks that are explained at the same time.
    """

    def __init__(self, log: Path, verbose: int | str = "auto", workers: int = 1) -> None:
        self._log, self._shown, self._workers = log, bool(verbose), workers
        self._redraws = self._shown and sys.stderr.isatty()
        self._left: list[Chunk] = []
        self._total, self._width, self._drawn = 0, 0, 0.0
        self._tracing: dict[str, float] = {}
        self._images: dict[str, tuple[float, int]] = {}

    @property
    def bars(self) -> int:
        """The value of `verbose` for stages that show a bar of their own: 1 on a terminal, otherwise 0."""
        return int(self._redraws)

    def note(self, message: str) -> None:
        """Add a line to the log."""
        now = datetime.datetime.now().astimezone().isoformat(" ", "seconds")
        with self._log.open("a", encoding="utf-8") as file:
            file.write(f"{now} {message}\n")

    def say(self, message: str) -> None:
        """Add a line to the log and to the terminal."""
        self.note(message)
        if self._shown:
            self._clear()
            print(message, file=sys.stderr, flush=True)

    def begin(self, chunks: Iterable[Chunk]) -> None:
        """Say what will be explained.

        Args:
            chunks: the chunks that are left.
        """
        self._left = list(chunks)
        self._total = sum(len(chunk.units) for chunk in self._left)
        self.say(f"{self._total:,} {'image is' if self._total == 1 else 'images are'} left")

    def step(self, chunk: Chunk, share: float) -> None:
        """Show how much of a chunk is done.

        Args:
            chunk: the chunk in progress.
            share: how much of it is done, in [0, 1].
        """
        self.show(f"{self._counted(share * len(chunk.units))}, {chunk.group}")

    def show(self, line: str) -> None:
        """Redraw the line of the terminal, at most twice a second."""
        if self._redraws and time.monotonic() - self._drawn > _EVERY:
            self._drawn = time.monotonic()
            line = line[: shutil.get_terminal_size().columns - 1]
            print(f"\r{line.ljust(self._width)}", end="", file=sys.stderr, flush=True)
            self._width = len(line)

    def finish(self, chunk: Chunk, seconds: float, tracing: float = 0.0) -> None:
        """Count a chunk as done.

        Args:
            chunk: the chunk.
            seconds: how long it took, with tracing.
            tracing: how long tracing took.
        """
        self._left.remove(chunk)
        total, images = self._images.get(chunk.group, (0.0, 0))
        self._images[chunk.group] = (total + seconds - tracing, images + chunk.size)
        if tracing:
            self._tracing[chunk.group] = tracing
        rate = f"{(seconds - tracing) / chunk.size:.3g} s per image"
        traced = f", {tracing:.3g} s of tracing" if tracing else ""
        self.say(f"{self._counted()}. {chunk.group}, seed {chunk.seed}: {rate}{traced}")

    @property
    def seconds_left(self) -> float | None:
        """Seconds until all chunks are done; `None` until the first is."""
        if not self._images:
            return None
        totals = [sum(values) for values in zip(*self._images.values())]
        usual = totals[0] / totals[1]
        left = 0.0
        for chunk in self._left:
            seconds, images = self._images.get(chunk.group, (usual, 1))
            left += chunk.size * seconds / images
        untraced = {chunk.group for chunk in self._left} - set(self._images)
        if self._tracing:
            left += len(untraced) * sum(self._tracing.values()) / len(self._tracing)
        return left / self._workers

    def _counted(self, more: float = 0.0) -> str:
        done = self._total - sum(len(chunk.units) for chunk in self._left)
        if not self._left:
            return f"{done:,} of {self._total:,} images, all done"
        left = self.seconds_left
        time_left = "time left unknown" if left is None else f"about {duration(left)} left"
        return f"{done + int(more):,} of {self._total:,} images, {time_left}"

    def _clear(self) -> None:
        if self._width:
            print(f"\r{'':{self._width}}\r", end="", file=sys.stderr)
            self._width = 0


class StepClock(keras.callbacks.Callback):
    """Measures the steps of a run, and how long tracing takes.

    The first step traces: it counts as a step of usual length, and the rest is tracing.

    Args:
        steps: number of steps of the run.
        show: called after each step with the share that is done, in [0, 1].
    """

    def __init__(self, steps: int, show: Callable[[float], None] = lambda share: None) -> None:
        super().__init__()
        self._steps, self._show = steps, show
        self._times = [time.monotonic()]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._times.append(time.monotonic())
        self._show((batch + 1) / self._steps)

    @property
    def step_seconds(self) -> float:
        """Seconds of a step, from all but the first."""
        steps = len(self._times) - 1
        return (self._times[-1] - self._times[1]) / (steps - 1) if steps > 1 else self._times[-1] - self._times[0]

    @property
    def tracing(self) -> float:
        """Seconds of tracing; 0 if the function was traced before."""
        if len(self._times) < 3:
            return 0.0
        first = self._times[1] - self._times[0]
        return first - self.step_seconds if first > 3 * self.step_seconds + 0.1 else 0.0


def duration(seconds: float) -> str:
    """A time in words, such as "2 h 5 min"."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes / 1440:.1f} days"
