"""The result of a search: for each unit the images at its two ends, and statistics over all images."""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from maco_tf.checks import check_integer, check_number, check_size
from maco_tf.display.beside import beside, mosaic
from maco_tf.display.contact_sheet import contact_sheet
from maco_tf.display.files import figure_png
from maco_tf.exemplars.near_duplicates import distinct_columns
from maco_tf.exemplars.records import Record, join_records, read_result, write_result
from maco_tf.exemplars.source import ImageSource
from maco_tf.exemplars.tally import State
from maco_tf.exemplars.unit_names import unit_positions
from maco_tf.exemplars.unit_statistics import UnitStatistics, histogram
from maco_tf.visualizers.explanation import Explanation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The axis of the units in the arrays of a state, where it is not the first; `None` where there is none.
_UNIT_AXES: dict[str, int | None] = {
    "sample_scores": 1,
    "class_top": 2,
    **dict.fromkeys(("sample_indices", "class_images", "images", "not_finite", "following")),
}
# Most units that a notebook draws as the value of a cell.
_DRAWN = 12


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Exemplars:
    """The images that activate each of several units most and least.

    The unit is the first axis of every array. `found[3]`, `found[2:5]`, `found["block5b_add:10"]`,
    `found["block5b_add"]` (all units of the layer) and `found[Channel("block5b_add", 10)]` are the exemplars of some
    units.

    Attributes:
        names: list of strings, the names of the units.
        state: dictionary of read-only arrays from which the properties are computed; see `empty_state`.
        config: dictionary, the settings of the search. "input_shape" is the shape of the model's input, "images" the
            digest of the list of images, and "shards" the parts of it that were searched.
        source: the `ImageSource`; `None` in a loaded result whose images were not files.
        classes: list of the names of the classes, by their number; `None` if they have none.
    """

    names: list[str]
    state: Mapping[str, np.ndarray]
    config: dict[str, Any]
    source: ImageSource | None = None
    classes: list[str] | None = None

    def __post_init__(self) -> None:
        for array in self.state.values():
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator["Exemplars"]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: Any) -> "Exemplars":
        chosen = unit_positions(self.names, index)
        if not len(chosen):
            raise IndexError(f"No unit is selected by {index!r} from {len(self)}.")
        state: State = {}
        for name, array in self.state.items():
            axis = _UNIT_AXES.get(name, 0)
            state[name] = array if axis is None else array.take(chosen, axis)
        return dataclasses.replace(self, names=[self.names[unit] for unit in chosen], state=state)

    def __repr__(self) -> str:
        names = f"{', '.join(self.names[:3])}{f', ... ({len(self)} units)' if len(self) > 3 else ''}"
        return f"<Exemplars of {names} among {self.statistics.images} images>"

    def _repr_png_(self) -> bytes | None:
        """The figure, which a notebook shows as the value of a cell."""
        return figure_png(self.figure()) if len(self) <= _DRAWN and self.source is not None else None

    @property
    def scores(self) -> np.ndarray:
        """Array (units, count), float32, in descending order; NaN where there are fewer images."""
        return self._end("top", "scores")

    @property
    def indices(self) -> np.ndarray:
        """Array (units, count), int64: the positions of the images in the source; -1 where there are fewer."""
        return self._end("top", "indices")

    @property
    def labels(self) -> np.ndarray:
        """Array (units, count), int64: the classes of the images; -1 where one is unknown."""
        return self._end("top", "labels")

    @property
    def lowest_scores(self) -> np.ndarray:
        """Array (units, count), float32: the lowest scores, in ascending order."""
        return self._end("low", "scores")

    @property
    def lowest_indices(self) -> np.ndarray:
        """Array (units, count), int64: the images of the lowest scores."""
        return self._end("low", "indices")

    @property
    def paths(self) -> np.ndarray:
        """Array (units, count) of the paths of the images; `None` where an image is not a file."""
        paths = [[None if self.source is None else self.source.path(i) for i in row] for row in self.indices.tolist()]
        return np.array(paths, dtype=object)

    @functools.cached_property
    def statistics(self) -> UnitStatistics:
        """The statistics of the units over all images."""
        return UnitStatistics.of_state(self.state)

    @property
    def class_top(self) -> np.ndarray | None:
        """Array (units, classes, 10), float32: the ten highest scores of each class, in descending order; NaN where a
        class has fewer images. `None` if no image has a class."""
        if "class_top" not in self.state:
            return None
        table = np.moveaxis(self.state["class_top"], 2, 0)
        return np.where(np.isneginf(table), np.nan, table)

    @property
    def class_images(self) -> np.ndarray | None:
        """Array (classes,), int64: the number of images of each class; `None` if no image has a class."""
        return self.state.get("class_images")

    @functools.cached_property
    def sample_indices(self) -> np.ndarray:
        """Array (sample,), int64: a uniform sample of the images, in ascending order."""
        return np.sort(self.state["sample_indices"][self.state["sample_indices"] >= 0])

    @functools.cached_property
    def sample_values(self) -> np.ndarray:
        """Array (units, sample), float32: the scores of the images of the sample."""
        order = np.argsort(self.state["sample_indices"], kind="stable")
        return self.state["sample_scores"][order[len(order) - len(self.sample_indices) :]].T

    def quantile(self, quantiles: float | Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """The images of the sample at some quantiles of each unit: where does the unit begin to respond?

        Args:
            quantiles: a number in [0, 1], or several. 0 is the lowest image of the sample, and 1 the highest.

        Returns:
            `(values, indices)`: arrays (units, quantiles), float32 and int64; the images have these indices.

        Raises:
            ValueError: a quantile lies outside [0, 1].
        """
        wanted = [check_number("quantiles", value, least=0, most=1) for value in np.atleast_1d(quantiles)]
        order = np.argsort(self.sample_values, axis=1, kind="stable")
        last = len(self.sample_indices) - 1
        columns = order[:, [round(value * last) for value in wanted]]
        return np.take_along_axis(self.sample_values, columns, 1), self.sample_indices[columns]

    def histogram(self, bins: int = 32) -> tuple[np.ndarray, np.ndarray]:
        """The histogram of each unit over the images of the sample.

        Args:
            bins: number of bins, between the lowest and the highest value of the unit.

        Returns:
            `(counts, edges)`: arrays (units, bins), int64, and (units, bins + 1), float64.
        """
        return histogram(self.sample_values, check_integer("bins", bins, 1))

    def images(self, size: int | tuple[int, int] | None = None, *, indices: np.ndarray | None = None) -> np.ndarray:
        """Read the images again.

        Args:
            size: `(height, width)`, or one number for both, to which the centre of each image is resized. `None` keeps
                the size of images that have one size, and otherwise takes that of the model's input.
            indices: array (units, n) of indices of images, such as `lowest_indices`; `None` takes `indices`.

        Returns:
            Array (units, n, height, width, channels), float32 in [0, 1]. Images of the index -1 are white.

        Raises:
            ValueError: there is no source, or an image can no longer be read.
        """
        indices = self.indices if indices is None else indices
        if self.source is None:
            raise ValueError(
                "The images must be at hand to be read. Received: a loaded result of images that were not files. Pass "
                "them to Exemplars.load(path, images)."
            )
        wanted = None if size is None else check_size("size", size)
        return self.source.array(indices, wanted, self.config["input_shape"][:2])

    def figure(
        self, explanation: Explanation | None = None, *, figure: "Figure | None" = None, **settings: Any
    ) -> "Figure":
        """Draw the images of each unit below its visualisation, or by themselves.

        Args:
            explanation: an `Explanation` with one image for each unit; `None` draws the exemplars by themselves.
            figure: an empty figure to draw into; `None` makes one that is not registered with pyplot.
            **settings: `percentile`, `background` and `bands`; see `Explanation.show`.

        Returns:
            A `matplotlib.figure.Figure`.

        Raises:
            ValueError: the argument is not an explanation, or has another length.
        """
        if explanation is None:
            sheets = np.stack([mosaic(images) for images in self.images()])
            return contact_sheet(sheets, names=self.names, figure=figure, **{"background": None, **settings})
        if not isinstance(explanation, Explanation):
            raise ValueError(
                '"explanation" must be an Explanation, as visualizer.explain(objective) returns it. Received: '
                f"{type(explanation).__name__}."
            )
        if len(explanation) != len(self):
            raise ValueError(
                f'"explanation" must have {len(self)} image(s), one for each unit, of one seed. Received: '
                f"{len(explanation)}. maco_tf.study shows several seeds of a unit."
            )
        shown: dict[str, Any] = {"transparency": explanation.transparency, "names": self.names, "figure": figure}
        return beside(explanation.images, self.images(), **shown, **settings)

    def show(self, explanation: Explanation | None = None, **settings: Any) -> None:
        """Draw `figure`, which takes the same settings, with pyplot: in a notebook, or in a window elsewhere."""
        import matplotlib.pyplot as plt

        self.figure(explanation, **{"figure": plt.figure(), **settings})
        plt.show()

    def save(self, path: str | Path) -> Path:
        """Write everything but the images to a file. The paths of the images that were found are stored.

        Args:
            path: a file ending in `.npz`. A failure leaves an earlier file whole.

        Returns:
            The path.
        """
        return write_result(Path(path), self._record())

    @classmethod
    def load(cls, path: str | Path, images: Any = None) -> "Exemplars":
        """Read what `save` wrote.

        Args:
            path: the file.
            images: the images that were searched, in any form that `find_exemplars` takes; `None` reads the files whose
                paths were stored.

        Returns:
            An `Exemplars`.

        Raises:
            ValueError: the file is damaged or holds something else, or the images are others.
        """
        return cls(*read_result(Path(path), images))

    @classmethod
    def merge(cls, parts: Iterable["Exemplars"]) -> "Exemplars":
        """Join the results of different shards of one list of images: the result of all of their images.

        Args:
            parts: `Exemplars` of one search but for "shard", in any order.

        Returns:
            An `Exemplars`.

        Raises:
            ValueError: there is none, a shard occurs twice, or they are of different searches.
        """
        return cls(*join_records([part._record() for part in parts]))

    def _record(self) -> Record:
        return Record(self.names, dict(self.state), self.config, self.source, self.classes)

    def _end(self, end: str, kind: str) -> np.ndarray:
        """Scores, indices or labels at one end."""
        values, columns = self.state[f"{end}_{kind}"], self._columns[end]
        there = (columns >= 0) & (np.take_along_axis(self.state[f"{end}_indices"], columns, 1) >= 0)
        missing = np.nan if kind == "scores" else -1
        return np.where(there, np.take_along_axis(values, columns, 1), missing).astype(values.dtype)

    @functools.cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        """The columns of the images at each end; -1 where the candidates run out."""
        count, distance = self.config["count"], self.config["distance"] if self.config["distinct"] else -1
        return {
            end: distinct_columns(self.state[f"{end}_indices"], self.state[f"{end}_hashes"], count, distance)
            for end in ("top", "low")
        }
