"""How the views of a step are cut into batches that the model sees one after another."""

import dataclasses
import math
import warnings

import tensorflow as tf

from maco_tf.objectives.joint import JointTerm

# On a CPU 32 views at once take 1.1 to 1.2 times as long as four times 8 (forward and gradient of SqueezeNet,
# EfficientNet-Lite0 and ResNet50V2, 224 pixels, two cores; 16 of ViT-B/16 1.08 times): their activations fit neither
# the caches nor the buffers that the C library keeps. Parts of 4 are as fast within 4 %, of 2 slower by 12 to 19 %.
_FASTEST_ON_CPU = 8


@dataclasses.dataclass(frozen=True)
class Parts:
    """Equal parts of a step's views: so many images, and of each so many cuts of its views.

    Attributes:
        batch: number of images.
        rows: images in a part.
        cuts: cuts of an image's views, in all.
        size: cuts in a part.
    """

    batch: int
    rows: int
    cuts: int
    size: int

    @property
    def columns(self):
        """Parts of an image's views."""
        return self.cuts // self.size

    @property
    def count(self):
        """Number of parts."""
        return self.batch // self.rows * self.columns

    def images(self, number):
        """Int32 tensor (rows,): the images of a part."""
        return number // self.columns * self.rows + tf.range(self.rows)

    def start(self, number):
        """The first cut of a part."""
        return number % self.columns * self.size


def plan_parts(terms, batch, views, largest, replicas=1):
    """Cut a step so that no part holds more views than the model may see at once; warn where far fewer than that fit.

    Args:
        terms: list of `Term`.
        batch: number of images.
        views: a `Views`.
        largest: most views in a part; `None` sets no limit, and "auto" is near to what a CPU is fastest with.
        replicas: the number of parts is a multiple of this.

    Returns:
        `Parts`, as large as may be.

    Raises:
        ValueError: the step cannot be cut that way.
    """
    joint = [term for term in terms if isinstance(term, JointTerm)]
    each = views.count // views.cuts
    possible = _possible(batch, views.cuts, replicas)
    if joint:
        possible = [parts for parts in possible if parts.count == 1]
    if largest == "auto" and possible:
        return min(possible, key=lambda parts: abs(math.log(_copies(parts) * each / _FASTEST_ON_CPU)))
    largest = batch * views.count if largest in (None, "auto") else largest
    fitting = [parts for parts in possible if _copies(parts) * each <= largest]
    if fitting:
        best = max(fitting, key=_copies)
        _warn_if_small(best, each, largest, replicas)
        return best
    if joint:
        raise ValueError(
            f'"max_batch_size" must be at least {batch * views.count} for {type(joint[0]).__name__}, which compares '
            f"all {batch} images and their {views.count} views at once, and replicas cannot share them. Received: "
            f"{largest}, {replicas} replica(s)."
        )
    if each > largest:
        raise ValueError(
            f'"max_batch_size" must be at least {each}, the views that one copy of an image becomes. Received: '
            f"{largest}."
        )
    # Single views fit on one device; several cannot share these.
    raise ValueError(
        f'"strategy" must be able to share {batch} image(s) of {views.cuts} view(s) equally, in parts of at most '
        f'{largest}. Received: {replicas} replicas. Take "crops" that {replicas} divides.'
    )


def _possible(batch, cuts, replicas):
    """All ways to cut so many images of so many cuts into equal parts: whole images, or views of one."""
    found = [
        Parts(batch, rows, cuts, size)
        for rows in _divisors(batch)
        for size in _divisors(cuts)
        if rows == 1 or size == cuts
    ]
    return [parts for parts in found if parts.count % replicas == 0]


def _copies(parts):
    return parts.rows * parts.size


def _most(parts, each, largest, replicas):
    """The views that a part might have if all could be cut anywhere."""
    return min(largest, parts.batch * parts.cuts * each // replicas)


def _is_small(parts, each, largest, replicas):
    return 2 * _copies(parts) * each < _most(parts, each, largest, replicas)


def _warn_if_small(parts, each, largest, replicas):
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
    # Parts are planned for the steps, which a visualizer compiles when it explains: the user is five calls away.
    warnings.warn(
        f"{parts.batch} image(s) of {parts.cuts * each} view(s) can only be cut into {parts.count} equal parts of "
        f"{_copies(parts) * each} view(s), seen one after another, where {_most(parts, each, largest, replicas)} might "
        f"be seen at once. That is slow.{remedy}",
        stacklevel=6,
    )


def _divisors(number):
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]
