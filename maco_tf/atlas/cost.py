"""What an atlas will cost, measured on a few steps."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from maco_tf.atlas.chunks import Chunk
from maco_tf.atlas.explained_items import make_items
from maco_tf.atlas.progress import StepClock, duration
from maco_tf.checks import settled
from maco_tf.optimization.callbacks import StopAfter
from maco_tf.visualizers.visualizer import Visualizer

# Steps that are measured: the first one traces.
_STEPS = 5


@dataclasses.dataclass(frozen=True)
class Cost:
    """The cost of the images that are left.

    Attributes:
        images: number of images of the whole atlas, without those of activation grids.
        left: number of images that are left.
        seconds: estimate of the time for those, on this machine.
        megabytes: estimate of their size.
        measured: the chunk that was measured, in words.
    """

    images: int
    left: int
    seconds: float
    megabytes: float
    measured: str

    def __str__(self) -> str:
        counted = f"{self.images:,} images, {self.left:,} of them left"
        if not self.left:
            return counted
        return (
            f"{counted}: about {duration(self.seconds)} and {self.megabytes:,.1f} MB. Measured on {self.measured}; "
            "other layers may cost more or less. Natural images, the search for concepts and activation grids are not "
            "included."
        )


def measure_cost(
    visualizer: Visualizer, chunks: Sequence[Chunk], done: set[str], manifest: Mapping[str, Any], concepts: int
) -> Cost:
    """Estimate the cost of chunks from a few steps of one of the largest group.

    Args:
        visualizer: the visualizer.
        chunks: the plan.
        done: the keys of items that are there already.
        manifest: the manifest.
        concepts: number of images of concepts, which are not in the plan yet.

    Returns:
        A `Cost`.
    """
    left = [chunk for chunk in chunks if not done.issuperset(chunk.keys)]
    missing = sum(key not in done for chunk in left for key in chunk.keys)
    concepts_left = max(0, concepts - sum(key.startswith("concept/") for key in done))
    images = sum(len(chunk.units) for chunk in chunks) + concepts
    if not missing + concepts_left:
        return Cost(images, 0, 0.0, 0.0, "")
    sizes: dict[str, int] = {}
    for chunk in left or chunks:
        sizes[chunk.group] = sizes.get(chunk.group, 0) + chunk.size
    group = max(sizes, key=lambda name: sizes[name])
    chunk = next(chunk for chunk in left or chunks if chunk.group == group)
    steps = settled(visualizer.resolved.steps)
    clock = StepClock(steps)
    made = visualizer.explain(chunk.objective, seed=chunk.seed, callbacks=[clock, StopAfter(_STEPS)], verbose=0)
    begun = time.monotonic()
    items = make_items(chunk, made, manifest, chunk.keys)
    encoding = (time.monotonic() - begun) / len(items)
    size = sum(len(content) for item in items for content in item.files.values()) / len(items)
    computed = sum(chunk.size for chunk in left) + concepts_left
    seconds = computed * (clock.step_seconds * steps / chunk.size + encoding) + clock.tracing * (
        len(sizes) + bool(concepts_left)
    )
    measured = f"{len(made.scores)} of {steps} steps of {chunk.size} images of {group}"
    return Cost(images, missing + concepts_left, seconds, (missing + concepts_left) * size / 1e6, measured)
