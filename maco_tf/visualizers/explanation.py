"""The result of an optimisation: images, where the model looked, and everything that makes it again."""

import dataclasses
import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from maco_tf.display.contact_sheet import contact_sheet
from maco_tf.display.files import figure_png, file_name, write_png
from maco_tf.display.rgba import to_rgba
from maco_tf.objectives.objective import Objective
from maco_tf.visualizers.again import Run, RunRecord, join_runs, run_again, select_rows
from maco_tf.visualizers.record import Arrays


@dataclasses.dataclass(frozen=True, eq=False)
class Explanation:
    """A batch of visualisations.

    Attributes:
        images: array (batch, height, width, channels), float32 in [0, 1].
        transparency: array (batch, height, width), float32, at least 0: |dscore/dimage| accumulated over the steps.
        names: list of strings, the names of the objectives.
        scores: array (steps, batch), float32: the score at each step.
        config: dictionary, all settings that the result depends on, as `Visualizer.config` returns them.
        seed: integer, the seed of the run.
        objective: dictionary, the objective as JSON; `None` in files of earlier versions.
        inputs: dictionary, SHA-256 -> array: the reference images, start and magnitude that `config` and `objective`
            name by their SHA-256.
    """

    images: np.ndarray
    transparency: np.ndarray
    names: list[str]
    scores: np.ndarray
    config: dict[str, Any]
    seed: int
    objective: dict[str, Any] | None = None
    inputs: Arrays = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Any) -> "Explanation":
        """Some images of the batch, as an `Explanation`."""
        chosen = np.atleast_1d(np.arange(len(self))[index])
        if not len(chosen):
            raise IndexError(f"No image is selected by {index!r} from {len(self)}.")
        objective, config, seed, steps = select_rows(*self._run(), chosen)
        return dataclasses.replace(
            self,
            objective=objective,
            config=config,
            seed=seed,
            images=self.images[chosen],
            transparency=self.transparency[chosen],
            names=[self.names[i] for i in chosen],
            scores=self.scores[:steps, chosen],
        )

    def _run(self) -> Run:
        return Run(self.objective, self.config, self.seed, len(self.scores), len(self))

    def __iter__(self) -> Iterator["Explanation"]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        names = f"{', '.join(self.names[:3])}{', ...' if len(self) > 3 else ''}"
        cut = f", interrupted after {len(self.scores)} steps" if self.config.get("interrupted") else ""
        seeds = dict.fromkeys(run["seed"] for run in (self.objective or {}).get("runs", [{"seed": self.seed}]))
        seed = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
        return f"<Explanation of {names}, {seed}{cut}>"

    def _repr_png_(self) -> bytes:
        """The contact sheet, which a notebook shows as the value of a cell."""
        return figure_png(contact_sheet(self.images, self.transparency, self.names))

    def rgba(self, percentile: float | None = 80, *, smoothing: float = 0.0) -> np.ndarray:
        """The images with their transparency.

        Args:
            percentile: transparency at or above this percentile of the image is opaque; with `None`, all of it is.
            smoothing: standard deviation of a Gaussian over the transparency, pixels.

        Returns:
            Array (batch, height, width, 4), float32 in [0, 1].

        Raises:
            ValueError: an argument lies outside its range.
        """
        return to_rgba(self.images, self.transparency, percentile, smoothing=smoothing)

    def show(self, *, columns: int | None = None, percentile: float | None = 80, smoothing: float = 0.0) -> None:
        """Draw the images with pyplot: below the cell in a notebook, in a window elsewhere.

        Args:
            columns: number of images in a row; `None` chooses.
            percentile: see `rgba`.
            smoothing: see `rgba`.
        """
        import matplotlib.pyplot as plt

        settings: dict[str, Any] = {"columns": columns, "percentile": percentile, "smoothing": smoothing}
        contact_sheet(self.images, self.transparency, self.names, **settings, figure=plt.figure())
        plt.show()

    def again(
        self,
        model: keras.Model,
        *,
        objective: Objective | None = None,
        images: Any = None,
        start: Any = None,
        seed: int | None = None,
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
        self, path: str | Path, *, percentile: float | None = 80, smoothing: float = 0.0, inputs: bool = False
    ) -> list[Path]:
        """Write to disk.

        Args:
            path: a file ending in `.npz` for everything (`load` reads it), or in `.png` for one contact sheet; or a
                folder, which gets both and one RGBA PNG for each image.
            percentile: see `rgba`.
            smoothing: see `rgba`; the `.npz` file holds the unsmoothed transparency.
            inputs: whether the `.npz` file also holds reference images, start and magnitude. Otherwise it holds their
                SHA-256, and `again` asks for them.

        Returns:
            List of the paths written. Other files in the folder do not change.

        Raises:
            ValueError: another ending.
        """
        path = Path(path)
        if path.suffix.lower() == ".npz":
            path.parent.mkdir(parents=True, exist_ok=True)
            record = {"names": self.names, "config": self.config, "seed": self.seed, "objective": self.objective}
            arrays: dict[str, Any] = {"images": self.images, "transparency": self.transparency, "scores": self.scores}
            arrays |= {"record": json.dumps(record)}
            arrays |= {f"input_{key}": value for key, value in self.inputs.items()} if inputs else {}
            # Written aside and renamed, so that a failure leaves an earlier file whole.
            unfinished = path.with_name(f".{path.name}.partial")
            try:
                with unfinished.open("wb") as file:
                    np.savez_compressed(file, **arrays)
                os.replace(unfinished, path)
            finally:
                unfinished.unlink(missing_ok=True)
            return [path]
        if path.suffix.lower() == ".png":
            path.parent.mkdir(parents=True, exist_ok=True)
            sheet = contact_sheet(
                self.images, self.transparency, self.names, percentile=percentile, smoothing=smoothing
            )
            path.write_bytes(figure_png(sheet))
            return [path]
        # "run_v1.2" is a folder, "picture.jpg" is a mistake.
        if path.suffix[1:].isalpha():
            raise ValueError(f'"path" must end in .npz or .png, or name a folder. Received: {path}.')
        shown: dict[str, Any] = {"percentile": percentile, "smoothing": smoothing}
        written = self.save(path / "explanation.npz", inputs=inputs) + self.save(path / "contact_sheet.png", **shown)
        for index, (name, image) in enumerate(zip(self.names, self.rgba(**shown))):
            prefix = f"{index:03d}_" if len(self) > 1 else ""
            written.append(write_png(path / f"{prefix}{file_name(name)}.png", image))
        return written

    @classmethod
    def concatenate(cls, explanations: Iterable["Explanation"]) -> "Explanation":
        """Join explanations of one visualizer into one batch.

        Args:
            explanations: `Explanation`s with images of one size.

        Returns:
            An `Explanation` with the `config` and the `seed` of the first run; a part of it has those of its run. The
            scores of runs that were stopped early end in NaN.

        Raises:
            ValueError: there is no explanation.
        """
        explanations = list(explanations)
        if not explanations:
            raise ValueError('"explanations" must hold at least one. Received: none.')
        if len(explanations) == 1:
            return explanations[0]
        steps = max(len(item.scores) for item in explanations)
        scores = [
            np.pad(item.scores, ((0, steps - len(item.scores)), (0, 0)), constant_values=np.nan)
            for item in explanations
        ]
        return dataclasses.replace(
            explanations[0],
            config={
                **explanations[0].config,
                "interrupted": any(item.config.get("interrupted", False) for item in explanations),
            },
            images=np.concatenate([item.images for item in explanations]),
            transparency=np.concatenate([item.transparency for item in explanations]),
            names=[name for item in explanations for name in item.names],
            scores=np.concatenate(scores, axis=1),
            objective=join_runs([item._run() for item in explanations]),
            inputs={key: value for item in explanations for key, value in item.inputs.items()},
        )

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
        path = path / "explanation.npz" if path.is_dir() else path
        if path.is_file() and path.suffix.lower() != ".npz":
            raise ValueError(
                '"path" must name the .npz file that Explanation.save wrote, or its folder; pictures do not hold '
                f"everything. Received: {path}."
            )
        try:
            with np.load(path, allow_pickle=False) as archive:
                record = json.loads(str(archive["record"]))
                inputs = {
                    name.removeprefix("input_"): archive[name] for name in archive.files if name.startswith("input_")
                }
                arrays = {name: archive[name] for name in ("images", "transparency", "scores")}
            return cls(**arrays, **record, inputs=inputs)
        except (ValueError, KeyError, IndexError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f'"path" must name what Explanation.save wrote. Received: {path} ({error}).') from error
