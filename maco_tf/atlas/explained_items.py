"""From a chunk of the plan to the records and files of its items."""

import collections
import concurrent.futures
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from maco_tf.atlas.chunks import Chunk
from maco_tf.atlas.manifest import as_json
from maco_tf.atlas.pictures import picture_files
from maco_tf.atlas.record_store import Store
from maco_tf.display.rgba import to_rgba
from maco_tf.visualizers.explanation import Explanation
from maco_tf.visualizers.record import encode_objective
from maco_tf.visualizers.visualizer import Visualizer

# Most scores of an item's history.
_SCORES = 64


class Item(NamedTuple):
    """An item, ready for `Store.write`.

    Attributes:
        key: its key.
        record: its record.
        files: dictionary, name -> content.
    """

    key: str
    record: dict[str, Any]
    files: dict[str, bytes]


def explain_chunk(
    visualizer: Visualizer, chunk: Chunk, callbacks: Sequence[keras.callbacks.Callback] = ()
) -> Explanation:
    """Optimise the images of a chunk.

    Args:
        visualizer: the visualizer of the atlas.
        chunk: the chunk.
        callbacks: see `Visualizer.explain`.

    Returns:
        An `Explanation` of `chunk.size` images.

    Raises:
        FloatingPointError: see `Visualizer.explain`.
        KeyboardInterrupt: Ctrl-C stopped the run. Its images are unfinished, so they do not belong in an atlas.
    """
    made = visualizer.explain(chunk.objective, seed=chunk.seed, callbacks=list(callbacks), verbose=0)
    if made.config["interrupted"]:
        raise KeyboardInterrupt
    return made


def make_items(
    chunk: Chunk, explanation: Explanation, manifest: Mapping[str, Any], wanted: Collection[str]
) -> list[Item]:
    """The items of an explained chunk, with their pictures encoded.

    Args:
        chunk: the chunk.
        explanation: its explanation, see `explain_chunk`.
        manifest: the manifest of the atlas.
        wanted: the keys of the items that are made; the others are left out.

    Returns:
        List of `Item`s.
    """
    command = None
    if chunk.text is not None and manifest["explain"] is not None:
        options = f"--objective {shlex.quote(chunk.text)} --together --seed {chunk.seed}"
        command = f"{manifest['explain']} {options} --output explanation"
    made = []
    for place, (unit, key) in enumerate(zip(chunk.units, chunk.keys, strict=True)):
        if key not in wanted:
            continue
        scores = explanation.scores[:, place]
        record = {
            "key": key,
            "unit": unit.key,
            "kind": unit.kind,
            "layer": unit.layer,
            "index": unit.index,
            "name": unit.name,
            "seed": chunk.seed,
            "objective": encode_objective(unit.objective, {}),
            "score": _short(scores[-1:])[0],
            "scores": _short(scores[_spread(len(scores), _SCORES)]),
            "size": list(explanation.images.shape[1:3]),
            # The random start of an image depends on its place in the batch, so the command explains all of them.
            "command": command,
            "place": place,
            "batch": chunk.size,
            "settings": {name: value for name, value in manifest["settings"].items() if value is not None},
            "versions": manifest["versions"],
        }
        image, transparency = (values[place : place + 1] for values in (explanation.images, explanation.transparency))
        made.append(Item(key, as_json(record), picture_files(to_rgba(image, transparency)[0])))
    return made


class Writer:
    """Makes and writes items in threads, while the next chunk is computed.

    At most one chunk waits for each thread, so memory does not grow, and a process that is killed loses little.

    Args:
        store: the atlas.
        threads: number of chunks that are written at the same time.
    """

    def __init__(self, store: Store, threads: int = 1) -> None:
        self._store, self._threads = store, threads
        self._pool = concurrent.futures.ThreadPoolExecutor(threads)
        self._pending: collections.deque[concurrent.futures.Future[None]] = collections.deque()

    def write(self, make: Callable[[], Iterable[Item]]) -> None:
        """Write the items of a chunk, as soon as a thread is free.

        Args:
            make: returns the items; it is called in the thread.

        Raises:
            OSError: the items of an earlier chunk could not be written.
        """
        self._wait(self._threads - 1)
        self._pending.append(self._pool.submit(self._write, make))

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._pool.shutdown(wait=True)
        if error is None:
            self._wait(0)

    def _wait(self, most: int) -> None:
        """Wait until at most so many chunks are pending."""
        while len(self._pending) > most:
            self._pending.popleft().result()

    def _write(self, make: Callable[[], Iterable[Item]]) -> None:
        for item in make():
            self._store.write("items", item.key, item.record, item.files)


def _spread(count: int, most: int) -> np.ndarray:
    """Up to `most` positions of a sequence, evenly spread, with the first and the last."""
    return np.unique(np.round(np.linspace(0, count - 1, min(count, most))).astype(int))


def _short(values: np.ndarray) -> list[float | None]:
    """float32 numbers with no more digits than they have; `None` for NaN."""
    return [float(str(np.float32(value))) if np.isfinite(value) else None for value in values]
