"""Time several methods side by side: each does its steps when it is its turn, and ratios are taken within a round.

Nothing here depends on what is timed.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tests.speed.settings import Settings

# A function that does all steps of a method, and calls its argument at the beginning of each.
Run = Callable[[Callable[[], None]], None]

# Quartiles of fewer rounds would mean nothing.
_LEAST_ROUNDS = 3


class TooLongError(Exception):
    """A measurement would take longer than the limit."""


class _Stopped(BaseException):
    """Ends a run from inside its `tick`. It is not an `Exception`, so that the run cannot catch it by accident."""


class Stepper:
    """Runs a function in a thread of its own, and lets it go on for a given number of steps at a time.

    A run is timed step by step. The alternative, the difference between two runs of different lengths, would also
    contain the scatter of two tracings, and a tracing takes longer than the steps.

    Args:
        run: function of `tick`, which it calls at the beginning of every step. It must do one step more than are timed,
            because a step ends where the next one begins.
        synchronise: function that waits until a device has finished; called before the clock is read.
        clock: function that returns seconds.
    """

    def __init__(
        self,
        run: Run,
        *,
        synchronise: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._run, self._synchronise, self._clock = run, synchronise or (lambda: None), clock
        self._left, self._stop, self._over = 0, False, False
        self._error: BaseException | None = None
        self._begun: float | None = None
        self._seconds = 0.0
        self._go, self._paused = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "Stepper":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def advance(self, count: int) -> float:
        """Do `count` steps and wait until they are done.

        Args:
            count: number of steps.

        Returns:
            Seconds from the beginning of the first step to the beginning of the step after the last.

        Raises:
            Exception: any error of the run.
            RuntimeError: the run has no more steps.
        """
        if self._thread.ident is None:
            self._thread.start()
            self._wait()
        self._left = count
        self._go.release()
        self._wait()
        return self._seconds

    def stop(self) -> None:
        """End the run where it is."""
        self._stop = True
        if self._thread.is_alive():
            self._go.release()
            self._thread.join()

    def _wait(self) -> None:
        if not self._over:
            self._paused.acquire()
        if self._error is not None:
            raise self._error
        if self._over:
            raise RuntimeError("The run ended before it had done the requested steps.")

    def _work(self) -> None:
        try:
            self._run(self._tick)
        except _Stopped:
            pass
        except BaseException as error:  # `advance` raises it again in the thread that waits.
            self._error = error
        self._over = True
        self._paused.release()

    def _tick(self) -> None:
        if self._left == 0:
            self._synchronise()
            if self._begun is not None:
                self._seconds = self._clock() - self._begun
            self._paused.release()
            self._go.acquire()
            if self._stop:
                raise _Stopped
            self._begun = self._clock()
        self._left -= 1


def plan(seconds: float, methods: int, warm_steps: int, settings: Settings) -> tuple[int, int]:
    """Choose how many rounds of how many steps fit into the time limit.

    Args:
        seconds: time of one step of the bare network.
        methods: number of methods that take turns.
        warm_steps: steps that every method does before the first round.
        settings: a `Settings`.

    Returns:
        `(rounds, steps)`.

    Raises:
        TooLongError: not even three rounds fit.
    """
    steps = max(1, min(settings.steps, int(settings.turn / seconds)))
    warm, one = seconds * methods * warm_steps, seconds * methods * steps
    rounds = min(settings.rounds, int((settings.limit - warm) // one))
    least = min(_LEAST_ROUNDS, settings.rounds)
    if rounds < least:
        raise TooLongError(
            f"not measured: {least} rounds would take about {warm + least * one:.0f} s, more than the limit of "
            f"{settings.limit:.0f} s (--limit)"
        )
    return rounds, steps


def take_turns(
    advances: Mapping[str, Callable[[int], float]], rounds: int, steps: int | Mapping[str, int]
) -> tuple[dict[str, list[float]], dict[str, Exception]]:
    """Let methods take turns. Every round begins with another method.

    Args:
        advances: dictionary, name -> function that does a number of steps and returns seconds.
        rounds: number of rounds.
        steps: steps per turn; or a dictionary, name -> steps per turn.

    Returns:
        `(seconds, failures)`: a dictionary, name -> list of seconds per step, one for every round, for the methods that
        did not fail; and a dictionary, name -> error, for those that did.
    """
    names = list(advances)
    failures: dict[str, Exception] = {}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            if name in failures:
                continue
            count = steps if isinstance(steps, int) else steps[name]
            try:
                seconds[name].append(advances[name](count) / count)
            except Exception as error:
                failures[name] = error
    return {name: values for name, values in seconds.items() if name not in failures}, failures


def ratios(seconds: Mapping[str, Sequence[float]], bare: str) -> dict[str, list[float]]:
    """Ratios to one method within every round, in which anything that slows down a whole round cancels.

    Args:
        seconds: see `take_turns`.
        bare: the name of the method in the denominator.

    Returns:
        Dictionary, name -> list of ratios, one for every round.
    """
    return {name: [value / limit for value, limit in zip(values, seconds[bare])] for name, values in seconds.items()}


def summary(values: Sequence[float]) -> dict[str, float | list[float]]:
    """Median and quartiles.

    Args:
        values: list of numbers.

    Returns:
        Dictionary: "median"; "low" and "high", the interpolated quartiles; and "values", in their order.
    """
    low, median, high = np.percentile(values, [25, 50, 75]).tolist()
    return {"median": median, "low": low, "high": high, "values": [float(value) for value in values]}
