"""A run that waits for its turn, so that several in one process can be timed side by side."""

import threading
import time


class _Stopped(BaseException):
    """Ends a run from inside its `tick`; no `except Exception` on the way may hold it."""


class Stepper:
    """A run in a thread of its own that goes on only when it is told to.

    One run is timed step by step, instead of two of different lengths: their difference would be the steps too, but
    with the scatter of two tracings, each longer than the steps, in it.

    Args:
        run: function of `tick`, which it calls where each of its steps begins; one step more than are timed, since
            a step ends where the next begins.
        synchronise: function that waits for what a device still has to do; called before the clock is read.
        clock: function that gives seconds.
    """

    def __init__(self, run, *, synchronise=None, clock=time.perf_counter):
        self._run, self._synchronise, self._clock = run, synchronise or (lambda: None), clock
        self._left, self._stop, self._error, self._over = 0, False, None, False
        self._begun = self._seconds = None
        self._go, self._paused = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def advance(self, count):
        """Do `count` steps and wait for them.

        Returns:
            Seconds from the beginning of the first to the beginning of the step after the last.

        Raises:
            Exception: whatever the run raised.
            RuntimeError: the run ended before.
        """
        if self._thread.ident is None:
            self._thread.start()
            self._wait()
        self._left = count
        self._go.release()
        self._wait()
        return self._seconds

    def stop(self):
        """End the run where it is."""
        self._stop = True
        if self._thread.is_alive():
            self._go.release()
            self._thread.join()

    def _wait(self):
        if not self._over:
            self._paused.acquire()
        if self._error is not None:
            raise self._error
        if self._over:
            raise RuntimeError("The run ended before the steps that it was asked for.")

    def _work(self):
        try:
            self._run(self._tick)
        except _Stopped:
            pass
        except BaseException as error:  # Raised again by `advance`, in the thread that waits.
            self._error = error
        self._over = True
        self._paused.release()

    def _tick(self):
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
