"""A run while it goes: the frames of a film, and a preview in a notebook."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_integer
from maco_tf.display.contact_sheet import contact_sheet
from maco_tf.display.files import figure_png

# Frames take at most so many bytes. Larger ones are recorded as thumbnails.
_MOST_BYTES = 2**28
_SMALLEST_SIDE = 32


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """The images of a run at some of its steps.

    Attributes:
        frames: array (frames, batch, height, width, channels), uint8.
        steps: list of the number of steps done at each frame.
    """

    frames: np.ndarray
    steps: list[int]

    def __post_init__(self) -> None:
        if np.ndim(self.frames) != 5 or len(self.frames) != len(self.steps):
            raise ValueError(f"the frames have shape {np.shape(self.frames)}, at {len(self.steps)} steps")

    def of(self, chosen: Any) -> "Recording":
        """The recording of some images of the batch."""
        return Recording(self.frames[:, chosen], self.steps)


def join_recordings(recordings: Sequence[Recording | None]) -> Recording | None:
    """The recording of several runs side by side; `None` if they were not recorded at the same steps and size."""
    known = [recording for recording in recordings if recording is not None]
    alike = {(tuple(recording.steps), recording.frames.shape[2:]) for recording in known}
    if len(known) < len(recordings) or len(alike) != 1:
        return None
    return Recording(np.concatenate([recording.frames for recording in known], axis=1), known[0].steps)


class Recorder(keras.callbacks.Callback):
    """Keeps the images of a run: at its start, then every few steps, and at its end.

    Args:
        every: number of steps between two frames, at least 1. Where several steps are one call of the compiled function
            (`steps_per_execution`), the frame is taken after the call.
        steps: length of the run.
        shape: `(batch, height, width, channels)` of the images.

    Raises:
        ValueError: `every` is not an integer of at least 1, or so many frames fit into the memory only if they are
            smaller than 32 pixels.
    """

    def __init__(self, every: int, steps: int, shape: tuple[int, int, int, int]) -> None:
        super().__init__()
        self._every = check_integer("record", every, 1)
        count = 2 + (steps - 1) // self._every
        scale = min(1.0, math.sqrt(_MOST_BYTES / (count * math.prod(shape))))
        self._size = (int(shape[1] * scale), int(shape[2] * scale))
        self._whole = scale == 1
        if min(self._size) < _SMALLEST_SIDE and not self._whole:
            raise ValueError(
                f'"record" must leave room for the frames. Received: {every}, so {count} frames of {shape[0]} images, '
                f"which would have {self._size[0]} x {self._size[1]} pixels. Record less often, or explain fewer "
                "objectives at once."
            )
        self._frames: list[np.ndarray] = []
        self._steps: list[int] = []
        self._done = 0

    @property
    def recording(self) -> Recording:
        """The `Recording` of a finished run."""
        return Recording(np.stack(self._frames), self._steps)

    def on_train_begin(self, logs: Any = None) -> None:
        self._keep()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._done = batch + 1
        if self._done // self._every > self._steps[-1] // self._every:
            self._keep()

    def on_train_end(self, logs: Any = None) -> None:
        if self._steps[-1] < self._done:
            self._keep()

    def _keep(self) -> None:
        images = self.model.images()
        if not self._whole:
            images = np.clip(tf.image.resize(images, self._size, antialias=True).numpy(), 0, 1)
        self._frames.append(np.round(255 * images).astype("uint8"))
        self._steps.append(self._done)


class LivePreview(keras.callbacks.Callback):
    """Shows the images of a run below the cell of a notebook; each preview replaces the one before.

        visualizer.explain(Logit("pug"), callbacks=LivePreview())

    Args:
        every: number of steps between two previews, at least 1.
        columns: number of images in a row; see `contact_sheet`.
        percentile: see `contact_sheet`.

    Raises:
        ValueError: there is no notebook, or an argument lies outside its range.
    """

    def __init__(self, every: int = 16, *, columns: int | None = None, percentile: float | None = None) -> None:
        super().__init__()
        self._every = check_integer("every", every, 1)
        self._settings: dict[str, Any] = {"columns": columns, "percentile": percentile}
        self._shown: Any = None
        if not _in_notebook():
            raise ValueError(
                "LivePreview must be used in a notebook. Received: a call outside of one. "
                'Elsewhere, explain(objective, record=16) keeps images, and save("run.webp") writes them as a film.'
            )

    def on_train_begin(self, logs: Any = None) -> None:
        self._shown, self._last = None, 0
        self._show(0)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if (batch + 1) // self._every > self._last // self._every:
            self._show(batch + 1)

    def on_train_end(self, logs: Any = None) -> None:
        done = len(self.model.scores())
        if done > self._last:
            self._show(done)

    def _show(self, done: int) -> None:
        from IPython.display import Image, display

        self._last = done
        names = [f"{name}, step {done} of {self.model.steps}" for name in self.model.names]
        # At the start, no gradient has reached the images yet.
        transparency = self.model.transparency() if done and self._settings["percentile"] is not None else None
        picture = Image(figure_png(contact_sheet(self.model.images(), transparency, names, **self._settings)))
        if self._shown is None:
            self._shown = display(picture, display_id=True)
        else:
            self._shown.update(picture)


def _in_notebook() -> bool:
    """Whether the code runs in a kernel of Jupyter or Colab."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")
