"""Ctrl-C between steps, not in the middle of one."""

import signal
import threading


class Interrupts:
    """A block in which a first Ctrl-C only leaves a note, and a second one raises `KeyboardInterrupt` at once.

    Raised by itself, it would surface anywhere: behind a step that has changed the image, and before what that step
    returned is kept. Signals reach the main thread alone; elsewhere, and where the process handles them in another way
    than Python does, nothing is changed.

    Attributes:
        noted: whether there was a Ctrl-C.
        repeated: whether there was a second one.
    """

    def __init__(self):
        self.noted = self.repeated = False
        self._installed = False

    def __enter__(self):
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)
            self._installed = True
        return self

    def __exit__(self, *_):
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, number, frame):
        self.repeated = self.noted
        self.noted = True
        if self.repeated:
            raise KeyboardInterrupt
