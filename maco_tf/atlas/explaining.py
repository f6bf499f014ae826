"""The chunks that are left, explained one after the other: in this process, or in a worker."""

import dataclasses
import functools
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from maco_tf.atlas.chunks import Chunk
from maco_tf.atlas.explained_items import Writer, explain_chunk, make_items
from maco_tf.atlas.progress import Progress, StepClock
from maco_tf.atlas.record_store import Store
from maco_tf.checks import settled, warn_user
from maco_tf.objectives.combinations import structure
from maco_tf.visualizers.explanation import Explanation
from maco_tf.visualizers.visualizer import Visualizer


class Work(NamedTuple):
    """A chunk of which something is missing.

    Attributes:
        chunk: the chunk.
        wanted: the keys of the items that are missing or damaged. Only these are written.
    """

    chunk: Chunk
    wanted: list[str]


def missing_work(store: Store, chunks: Iterable[Chunk]) -> list[Work]:
    """The chunks of which an item is missing, or does not match its checksum.

    Args:
        store: the atlas.
        chunks: the plan.
    """
    work = [Work(chunk, [key for key in chunk.keys if not store.is_whole("items", key)]) for chunk in chunks]
    return [part for part in work if part.wanted]


@dataclasses.dataclass
class Faults:
    """The items of a run of which the user is warned.

    Attributes:
        failed: the keys of items that could not be made, because a score or an image was not finite.
        unchanged: the keys of items that are still their random start, because the score had no gradient.
    """

    failed: list[str] = dataclasses.field(default_factory=list)
    unchanged: list[str] = dataclasses.field(default_factory=list)

    def warn(self) -> None:
        """Warn of each kind of fault once, with the first keys and the count."""
        if self.failed:
            warn_user(
                f"{len(self.failed)} images are missing, because a score or an image was not finite: "
                f"{', '.join(self.failed[:3])}. See the file log.txt."
            )
        if self.unchanged:
            warn_user(
                f"{len(self.unchanged)} images are still their random start, because the score had no gradient at any "
                f"step: {', '.join(self.unchanged[:3])}. See the file log.txt."
            )


class Outcome(NamedTuple):
    """How the explanation of a chunk went.

    Attributes:
        seconds: how long it took, with tracing.
        tracing: how long tracing took.
        warnings: the warnings that it gave.
        failure: the error, if a score or an image was not finite; otherwise empty.
        unchanged: the keys of the items whose score had no gradient at any step.
    """

    seconds: float
    tracing: float
    warnings: list[str]
    failure: str
    unchanged: list[str]

    def report(self, progress: Progress, part: Work, faults: Faults) -> None:
        """Show it in the progress.

        Args:
            progress: the progress.
            part: the work.
            faults: the faults of the run, to which those of this chunk are added.
        """
        for warning in self.warnings:
            progress.note(f"warning: {warning}")
        if self.failure:
            progress.say(f"{part.chunk.group}, seed {part.chunk.seed} failed: {self.failure}")
        progress.finish(part.chunk, self.seconds, self.tracing)
        faults.failed += part.wanted if self.failure else []
        faults.unchanged += [key for key in self.unchanged if key in part.wanted]


class Explainer:
    """Explains chunks, and keeps the compiled function of the last one only, so that memory does not grow.

    Args:
        visualizer: the visualizer.
    """

    def __init__(self, visualizer: Visualizer) -> None:
        self._visualizer, self._compiled = visualizer, None

    def explain(
        self, chunk: Chunk, show: Callable[[float], None] = lambda share: None
    ) -> tuple[Explanation | None, Outcome]:
        """Explain a chunk.

        Args:
            chunk: the chunk.
            show: see `StepClock`.

        Returns:
            An `Explanation`, or `None` if it failed; and the `Outcome`.

        Raises:
            KeyboardInterrupt: see `explain_chunk`.
        """
        needed: Any = (structure(chunk.units[0].objective), chunk.size)
        if needed != self._compiled:
            # A new visualizer for each compiled function, so that the earlier one leaves the memory.
            self._compiled, self._visualizer = needed, dataclasses.replace(self._visualizer)
        begun, failure, explanation = time.monotonic(), "", None
        clock = StepClock(settled(self._visualizer.resolved.steps), show)
        with warnings.catch_warnings(record=True) as caught:
            try:
                explanation = explain_chunk(self._visualizer, chunk, [clock])
            except FloatingPointError as error:
                failure = str(error)
        messages = [str(warning.message) for warning in caught]
        seconds, unchanged = time.monotonic() - begun, list[str]()
        if explanation is not None:
            # The batch may be longer than the chunk, see `Chunk.size`.
            pairs = zip(chunk.keys, explanation.transparency, strict=False)
            unchanged = [key for key, transparency in pairs if not transparency.any()]
        return explanation, Outcome(seconds, clock.tracing, messages, failure, unchanged)


def explain_here(explainer: Explainer, store: Store, work: Sequence[Work], progress: Progress) -> Faults:
    """Explain chunks in this process.

    Args:
        explainer: the explainer.
        store: the atlas.
        work: the chunks that are left.
        progress: the progress.

    Returns:
        The `Faults` of the items.

    Raises:
        OSError: see `Store.write`.
        KeyboardInterrupt: see `explain_chunk`.
    """
    faults = Faults()
    with Writer(store) as writer:
        for part in work:
            explanation, outcome = explainer.explain(part.chunk, functools.partial(progress.step, part.chunk))
            if explanation is not None:
                writer.write(functools.partial(make_items, part.chunk, explanation, store.manifest, part.wanted))
            outcome.report(progress, part, faults)
    return faults
