"""One method on one network, as a function from class and seed to a picture."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np


class Compute(Protocol):
    """The settings that all methods of a benchmark get: steps, views in a step, side of the image in pixels, recipe."""

    @property
    def steps(self) -> int: ...
    @property
    def crops(self) -> int: ...
    @property
    def image_size(self) -> int: ...
    @property
    def recipe(self) -> str: ...


class Task(Compute, Protocol):
    """The compute, the classes, and the real images of a class that a prior may see; see `BenchmarkSettings`."""

    @property
    def classes(self) -> tuple[int, ...]: ...
    def prior_files(self, index: int) -> Sequence[str]: ...


class Picture(NamedTuple):
    """What a method makes.

    Attributes:
        image: array (height, width, 3), float32 in [0, 1].
        transparency: array (height, width), at least 0: the accumulated |dscore/dimage|; `None` if it is unknown.
    """

    image: np.ndarray
    transparency: np.ndarray | None = None


class InapplicableError(ValueError):
    """A method needs something that the network does not have; the message says what is missing, in a few words."""


class Explainer:
    """One method on one network: a function from class and seed to a `Picture`.

    Attributes:
        config: dictionary, everything else that the images depend on.
    """

    def __init__(self, explain: Callable[[int, int], Picture], config: dict[str, Any]) -> None:
        self._explain, self.config = explain, config

    def __call__(self, index: int, seed: int) -> Picture:
        """Make a picture.

        Args:
            index: class number.
            seed: integer.
        """
        return self._explain(index, seed)
