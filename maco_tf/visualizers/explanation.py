"""The result of an optimisation: images, where the model looked, and everything that makes it again."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from maco_tf.checks import check_choice
from maco_tf.display.contact_sheet import contact_sheet
from maco_tf.display.files import figure_png
from maco_tf.display.film import ENDINGS, Film, film_of
from maco_tf.display.rgba import Background, to_rgba
from maco_tf.objectives.objective import Objective
from maco_tf.visualizers.again import RunRecord, Seed, run_again
from maco_tf.visualizers.batch import check_joinable, joined, selected
from maco_tf.visualizers.explanation_file import from_archive, to_archive
from maco_tf.visualizers.record import Arrays
from maco_tf.visualizers.recording import Recording
from maco_tf.visualizers.saved_files import ARCHIVE, read_archive, write_archive, write_folder
from maco_tf.visualizers.term_scores import TermScores


@dataclasses.dataclass(frozen=True, eq=False)
class Explanation:
    """A batch of visualisations.

    Attributes:
        images: array (batch, height, width, channels), float32 in [0, 1].
        transparency: array (batch, height, width), float32, at least 0: |dscore/dimage| accumulated over the steps.
        names: list of strings, the names of the objectives.
        scores: array (steps, batch), float32: the score at each step.
        config: dictionary, all settings that the result depends on, as `Visualizer.config` returns them.
        seed: integer, the seed of the run; or a list, if the run had several seeds.
        objective: dictionary, the objective as JSON; `None` in files of earlier versions.
        inputs: dictionary, SHA-256 -> array: the reference images, start and magnitude that `config` and `objective`
            name by their SHA-256.
        term_scores: for each image a dictionary, name of a term with its weight -> array (steps,), float32, what the
            term adds to the score; empty in files of earlier versions.
        recording: the `Recording` of the run, `None` without `record`.
    """

    images: np.ndarray
    transparency: np.ndarray
    names: list[str]
    scores: np.ndarray
    config: dict[str, Any]
    seed: Seed
    objective: dict[str, Any] | None = None
    inputs: Arrays = dataclasses.field(default_factory=dict)
    term_scores: TermScores = dataclasses.field(default_factory=list)
    recording: Recording | None = None

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Any) -> "Explanation":
        """Some images of the batch, as an `Explanation`, by their numbers or names."""
        return dataclasses.replace(self, **selected(self, index))

    def __iter__(self) -> Iterator["Explanation"]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        names = f"{', '.join(self.names[:3])}{', ...' if len(self) > 3 else ''}"
        cut = f", interrupted after {len(self.scores)} steps" if self.config.get("interrupted") else ""
        runs = (self.objective or {}).get("runs", [{"seed": self.seed}])
        seeds = dict.fromkeys(int(seed) for run in runs for seed in np.atleast_1d(run["seed"]))
        seed = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
        return f"<Explanation of {names}, {seed}{cut}>"

    def _repr_png_(self) -> bytes:
        """The contact sheet, which a notebook shows as the value of a cell."""
        return figure_png(contact_sheet(self.images, self.transparency, self.names))

    def rgba(
        self,
        percentile: float | None = 80,
        *,
        smoothing: float = 0.0,
        background: Background = None,
        bands: Sequence[int] | None = None,
    ) -> np.ndarray:
        """The images with their transparency.

        Args:
            percentile: transparency at or above this percentile of the image is opaque; with `None`, all of it is.
            smoothing: standard deviation of a Gaussian over the transparency, pixels.
            background: colour behind transparent parts, which makes the images opaque; see `display.on_background`.
            bands: the three channels to show of images of more; `None` takes the first three.

        Returns:
            Array (batch, height, width, 4), float32 in [0, 1].

        Raises:
            ValueError: an argument lies outside its range.
        """
        settings: dict[str, Any] = {"smoothing": smoothing, "background": background, "bands": bands}
        return to_rgba(self.images, self.transparency, percentile, **settings)

    def show(
        self,
        *,
        columns: int | None = None,
        percentile: float | None = 80,
        smoothing: float = 0.0,
        background: Background = "auto",
        bands: Sequence[int] | None = None,
    ) -> None:
        """Draw the images with pyplot: below the cell in a notebook, in a window elsewhere.

        Args:
            columns: number of images in a row; `None` chooses.
            percentile: see `rgba`.
            smoothing: see `rgba`.
            background: see `rgba`. "auto" is the white page, except behind grey and dark images, where it is their own
                mean.
            bands: see `rgba`.
        """
        import matplotlib.pyplot as plt

        shown: dict[str, Any] = {"percentile": percentile, "smoothing": smoothing, "bands": bands}
        shown |= {"background": background, "columns": columns, "figure": plt.figure()}
        contact_sheet(self.images, self.transparency, self.names, **shown)
        plt.show()

    def film(
        self,
        over: Literal["steps", "images"] | None = None,
        *,
        columns: int | None = None,
        bands: Sequence[int] | None = None,
        fps: float | None = None,
    ) -> Film:
        """A film of the run, or of one image after another, such as those of `interpolate` or of a layer's channels.

        Args:
            over: "steps" shows the recorded frames of all images, side by side, and needs `explain(..., record=10)`.
                "images" shows the images of the batch in their order. `None` is "steps" if the run was recorded.
            columns: number of images in a row.
            bands: see `rgba`.
            fps: frames per second; `None` is 12 over steps and 2 over images.

        Returns:
            A `maco_tf.display.Film`; a notebook plays it, and its `save` writes it.

        Raises:
            ValueError: the run was not recorded, or an argument lies outside its range.
        """
        over = over or ("images" if self.recording is None else "steps")
        if check_choice("over", over, ("steps", "images")) == "images":
            return film_of(self.images[:, None], stretch="each", columns=columns, bands=bands, fps=fps or 2)
        if self.recording is None:
            raise ValueError('"over" may be "steps" only after explain(..., record=10). Received: a run without.')
        return film_of(self.recording.frames, columns=columns, bands=bands, fps=fps or 12)

    def again(
        self,
        model: keras.Model,
        *,
        objective: Objective | None = None,
        images: Any = None,
        start: Any = None,
        seed: Seed | None = None,
        verbose: int | str = "auto",
        **settings: Any,
    ) -> "Explanation":
        """Run the same optimisation again: on the same machine, it gives the same bits.

            Explanation.load("pug").again(model)

        `load` only reads; `again` imports the functions and classes that the file names, so use it only with files that
        you trust.

        Args:
            model: the explained model; its weights are not stored.
            objective: the objective, if it could not be stored.
            images: the reference images of the objective, or a list with those of each reference term, if their arrays
                were not saved.
            start: the images that the run started from, if their array was not saved.
            seed: another seed, for a variation; `None` is the original one.
            verbose: see `Visualizer.explain`.
            **settings: settings that could not be stored, such as a preprocessing without an import path. Another value
                for a stored setting makes a variation.

        Returns:
            An `Explanation`.

        Raises:
            ValueError: a value must be given again, or is not the original one; the method is unknown; or the file is
                of an earlier version.
        """
        if self.objective is None:
            raise ValueError(
                "The explanation must hold its objective. Received: one that an earlier version saved. Call "
                "MacoVisualizer(model, ...).explain(objective, seed=...) instead."
            )
        if "runs" in self.objective:
            records = [RunRecord(**run, inputs=self.inputs) for run in self.objective["runs"]]
            made = [run_again(record, model, seed=seed, verbose=verbose, settings=settings) for record in records]
            return Explanation.concatenate(made[run][row] for run, row in self.objective["rows"])
        record = RunRecord(self.objective, self.config, self.seed, len(self.scores), self.inputs)
        given: dict[str, Any] = {"objective": objective, "images": images, "start": start, "seed": seed}
        whole = run_again(record, model, **given, verbose=verbose, settings=settings)
        return whole[self.objective["rows"]] if "rows" in self.objective else whole

    def save(
        self,
        path: str | Path,
        *,
        percentile: float | None = 80,
        smoothing: float = 0.0,
        background: Background = "auto",
        bands: Sequence[int] | None = None,
        inputs: bool = False,
    ) -> list[Path]:
        """Write to disk.

        Args:
            path: a file ending in `.npz` for everything (`load` reads it), in `.png` for one contact sheet, or in
                `.gif`, `.webp` or `.mp4` for a `film`; or a folder, which gets the first two, one RGBA PNG for each
                image, and the film of a recorded run. An earlier save in the folder is replaced.
            percentile: see `rgba`.
            smoothing: see `rgba`; the `.npz` file holds the unsmoothed transparency.
            background: see `show`.
            bands: see `rgba`.
            inputs: whether the `.npz` file also holds reference images, start and magnitude. Otherwise it holds their
                SHA-256, and `again` asks for them.

        Returns:
            List of the paths written. Other files in the folder do not change.

        Raises:
            ValueError: another ending; a picture of the folder would overwrite a file that no save wrote; or an
                argument lies outside its range.
        """
        path = Path(path)
        shown: dict[str, Any] = {"percentile": percentile, "smoothing": smoothing}
        shown |= {"background": background, "bands": bands}
        if path.suffix.lower() == ".npz":
            write_archive(path, *to_archive(self, inputs=inputs))
            return [path]
        if path.suffix.lower() in ENDINGS:
            return [self.film(bands=bands).save(path)]
        # "run_v1.2" is a folder, "picture.jpg" is a mistake.
        if path.suffix.lower() != ".png" and path.suffix[1:].isalpha():
            endings = ", ".join((".npz", ".png", *ENDINGS))
            raise ValueError(f'"path" must end in one of {endings}, or name a folder. Received: {path}.')
        # Drawn before any file changes, so that a wrong argument changes none.
        sheet = figure_png(contact_sheet(self.images, self.transparency, self.names, **shown))
        if path.suffix.lower() == ".png":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(sheet)
            return [path]
        film = None if self.recording is None else self.film(bands=bands)
        return write_folder(
            path, self.names, lambda archive: self.save(archive, inputs=inputs), sheet, self.rgba(**shown), film
        )

    @classmethod
    def concatenate(cls, explanations: Iterable["Explanation"], *more: "Explanation") -> "Explanation":
        """Join explanations of one visualizer into one batch.

        Args:
            explanations: list of `Explanation`s with images of one size; or the first of them.
            *more: the others.

        Returns:
            An `Explanation` with the `config` and the `seed` of the first run; a part of it has those of its run. The
            scores of runs that were stopped early end in NaN.

        Raises:
            ValueError: there is no explanation, something else is among them, or the sizes of images differ.
        """
        given = [explanations, *more] if more else list(explanations)
        return dataclasses.replace(check_joinable(given)[0], **joined(given))

    @classmethod
    def load(cls, path: str | Path) -> "Explanation":
        """Read what `save` wrote.

        Args:
            path: the `.npz` file, or its folder.

        Returns:
            An `Explanation`.

        Raises:
            ValueError: the file holds something else.
        """
        path = Path(path)
        path = path / ARCHIVE if path.is_dir() else path
        arrays, record = read_archive(path)
        try:
            return cls(**from_archive(arrays, record))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f'"path" must name what Explanation.save wrote. Received: {path} ({error}).') from error
