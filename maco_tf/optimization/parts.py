"""How the views of a step are cut into batches that the model sees one after another."""

import dataclasses

import tensorflow as tf

from maco_tf.objectives.joint import JointTerm


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
    """Cut a step so that no part holds more views than the model may see at once.

    Args:
        terms: list of `Term`.
        batch: number of images.
        views: a `Views`.
        largest: most views in a part; `None` sets no limit.
        replicas: the number of parts is a multiple of this.

    Returns:
        `Parts`, as large as may be.

    Raises:
        ValueError: the step cannot be cut that way.
    """
    joint = [term for term in terms if isinstance(term, JointTerm)]
    largest = batch * views.count if largest is None else largest
    each = views.count // views.cuts
    found = [
        Parts(batch, rows, views.cuts, size)
        for rows in _divisors(batch)
        for size in _divisors(views.cuts)
        # Whole images first, then views of one: as many of them as may be.
        if rows == 1 or size == views.cuts
    ]
    fitting = [parts for parts in found if parts.rows * parts.size * each <= largest and parts.count % replicas == 0]
    if joint:
        fitting = [parts for parts in fitting if parts.count == 1]
    if fitting:
        return max(fitting, key=lambda parts: parts.rows * parts.size)
    if joint:
        raise ValueError(
            f'"max_batch_size" must be at least {batch * views.count} for {type(joint[0]).__name__}, which compares '
            f"all {batch} images and their {views.count} views at once, and replicas cannot share them. Received: "
            f"{largest}, {replicas} replica(s)."
        )
    if replicas > 1:
        raise ValueError(
            f'"strategy" must be able to share {batch} image(s) of {views.cuts} view(s) equally, in parts of at most '
            f'{largest}. Received: {replicas} replicas. Take "crops" that {replicas} divides.'
        )
    raise ValueError(
        f'"max_batch_size" must be at least {each}, the views that one copy of an image becomes. Received: {largest}.'
    )


def _divisors(number):
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]
