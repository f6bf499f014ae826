"""How the views of a step are cut into batches that the model sees one after another."""

import dataclasses
import math
from collections.abc import Sequence

import tensorflow as tf

from maco_tf.checks import warn_user
from maco_tf.objectives.joint import JointTerm
from maco_tf.objectives.term import Term
from maco_tf.optimization.views import Views

# On a CPU, 32 views at once take 1.1 to 1.2 times as long as four batches of 8 (forward pass and gradient of
# SqueezeNet, EfficientNet-Lite0 and ResNet50V2, 224 pixels, two cores). For ViT-B/16, 16 views at once take 1.08 times
# as long. The activations of many views fit neither the caches nor the buffers that the C library keeps. Parts of 4
# views are within 4 % of this; parts of 2 are slower by 12 to 19 %.
_FASTEST_ON_CPU = 8


@dataclasses.dataclass(frozen=True)
class Parts:
    """Equal parts of a step's views. A part holds some images, and some cuts of the views of each.

    Attributes:
        batch: number of images.
        rows: number of images in a part.
        cuts: number of cuts that the views of an image consist of.
        size: number of cuts in a part.
    """

    batch: int
    rows: int
    cuts: int
    size: int

    @property
    def columns(self) -> int:
        """Number of parts that the views of an image fall into."""
        return self.cuts // self.size

    @property
    def count(self) -> int:
        """Number of parts."""
        return self.batch // self.rows * self.columns

    def images(self, number: tf.Tensor) -> tf.Tensor:
        """Int32 tensor (rows,): the numbers of the images in a part."""
        return number // self.columns * self.rows + tf.range(self.rows)

    def start(self, number: tf.Tensor) -> tf.Tensor:
        """The first cut of a part."""
        return number % self.columns * self.size


def plan_parts(terms: Sequence[Term], batch: int, views: Views, largest: int | str | None, replicas: int = 1) -> Parts:
    """Cut a step so that no part holds more views than the model may see at once. Warn if far fewer fit.

    Args:
        terms: list of `Term`.
        batch: number of images.
        views: a `Views`.
        largest: the most views in a part; `None` sets no limit, and "auto" chooses the size that is fastest on a CPU.
        replicas: the number of parts is a multiple of this.

    Returns:
        The largest possible `Parts`. A single view of a single image cannot be shared, so it is one part whatever the
        number of replicas is.

    Raises:
        ValueError: the step cannot be cut into such parts.
    """
    joint = [term for term in terms if isinstance(term, JointTerm)]
    each = views.count // views.cuts
    if batch * views.cuts == 1 and replicas > 1:
        warn_user(
            f"A step of one image with one view cannot be shared by {replicas} replicas, so one device runs it and the "
            'others are idle. Explain several objectives at once, or raise "crops".'
        )
        replicas = 1
    possible = _possible(batch, views.cuts, replicas)
    if joint:
        possible = [parts for parts in possible if parts.count == 1]
    if largest == "auto" and possible:
        return min(possible, key=lambda parts: abs(math.log(_copies(parts) * each / _FASTEST_ON_CPU)))
    largest = largest if isinstance(largest, int) else batch * views.count
    fitting = [parts for parts in possible if _copies(parts) * each <= largest]
    if fitting:
        best = max(fitting, key=_copies)
        _warn_if_small(best, each, largest, replicas)
        return best
    if joint and replicas > 1:
        raise ValueError(
            f'"strategy" must have one replica for {type(joint[0]).__name__}, because it compares all {batch} images '
            f"with their {views.count} views at once. Received: {replicas} replicas. Make the visualizer without a "
            "strategy, outside its scope."
        )
    if joint:
        raise ValueError(
            f'"max_batch_size" must be at least {batch * views.count} for {type(joint[0]).__name__}, because it '
            f"compares all {batch} images with their {views.count} views at once. Received: {largest}."
        )
    if each > largest:
        raise ValueError(
            f'"max_batch_size" must be at least {each}, the number of views that the transforms make of one copy of an '
            f"image. Received: {largest}."
        )
    # Single views always fit on one device, so the replicas are the obstacle.
    raise ValueError(
        f'"strategy" must be able to share {batch} image(s) of {views.cuts} view(s) equally, in parts of at most '
        f'{largest}. Received: {replicas} replicas. Set "crops" to a multiple of {replicas}.'
    )


def _possible(batch: int, cuts: int, replicas: int) -> list[Parts]:
    """All ways to cut `batch` images of `cuts` cuts into equal parts: whole images, or some views of one image."""
    found = [
        Parts(batch, rows, cuts, size)
        for rows in _divisors(batch)
        for size in _divisors(cuts)
        if rows == 1 or size == cuts
    ]
    return [parts for parts in found if parts.count % replicas == 0]


def _copies(parts: Parts) -> int:
    return parts.rows * parts.size


def _most(parts: Parts, each: int, largest: int, replicas: int) -> int:
    """The number of views that a part could have if cuts were possible anywhere."""
    return min(largest, parts.batch * parts.cuts * each // replicas)


def _is_small(parts: Parts, each: int, largest: int, replicas: int) -> bool:
    return 2 * _copies(parts) * each < _most(parts, each, largest, replicas)


def _warn_if_small(parts: Parts, each: int, largest: int, replicas: int) -> None:
    if not _is_small(parts, each, largest, replicas):
        return
    remedies = []
    for cuts in range(parts.cuts + 1, 2 * parts.cuts + 1):
        fitting = [other for other in _possible(parts.batch, cuts, replicas) if _copies(other) * each <= largest]
        if fitting and not _is_small(max(fitting, key=_copies), each, largest, replicas):
            remedies.append(f"{cuts} crops")
            break
    larger = [
        _copies(other) * each
        for other in _possible(parts.batch, parts.cuts, replicas)
        if _copies(other) * each > largest
    ]
    if larger:
        remedies.append(f"max_batch_size={min(larger)}")
    remedy = f" Try {' or '.join(remedies)}." if remedies else ""
    warn_user(
        f"{parts.batch} image(s) of {parts.cuts * each} view(s) can only be cut into {parts.count} equal parts of "
        f"{_copies(parts) * each} view(s), although {_most(parts, each, largest, replicas)} views would fit at once. "
        f"This is slow.{remedy}"
    )


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]
