"""Statistics of units over all images."""

import dataclasses
from collections.abc import Mapping

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class UnitStatistics:
    """Statistics of the values by which images are ranked, over all images.

    Attributes:
        images: number of images.
        mean: array (units,), float64.
        deviation: array (units,), float64: the standard deviation.
        minimum: array (units,), float32.
        maximum: array (units,), float32.
        active: array (units,), int64: the number of images whose value is above 0.
    """

    images: int
    mean: np.ndarray
    deviation: np.ndarray
    minimum: np.ndarray
    maximum: np.ndarray
    active: np.ndarray

    @property
    def sparsity(self) -> np.ndarray:
        """Array (units,), float64 in [0, 1]: the share of the images whose value is not above 0."""
        return 1 - self.active / max(self.images, 1)

    @property
    def dead(self) -> np.ndarray:
        """Array (units,) of flags: whether the unit has the same value on every image."""
        return self.minimum == self.maximum

    @classmethod
    def of_state(cls, state: Mapping[str, np.ndarray]) -> "UnitStatistics":
        """The statistics of a state; see `empty_state`."""
        images = int(state["images"])
        mean = state["sum"] / max(images, 1)
        variance = np.maximum(state["squares"] / max(images, 1) - mean**2, 0)
        return cls(
            images=images,
            mean=mean,
            deviation=np.sqrt(variance),
            minimum=state["low_scores"][:, 0],
            maximum=state["top_scores"][:, 0],
            active=state["active"],
        )


def histogram(values: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """The histograms of several units, each between its lowest and highest value.

    Args:
        values: array (units, images).
        bins: number of bins.

    Returns:
        `(counts, edges)`: arrays (units, bins), int64, and (units, bins + 1), float64.
    """
    pairs = [np.histogram(row.astype("float64"), bins) for row in values]
    return np.stack([counts for counts, _ in pairs]), np.stack([edges for _, edges in pairs])
