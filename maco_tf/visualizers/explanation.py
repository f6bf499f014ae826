"""The result of an optimisation: images, where the model looked, and how they came about."""

import dataclasses
import json
from pathlib import Path

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Explanation:
    """A batch of visualisations.

    Attributes:
        images: array (batch, height, width, channels), float32 in [0, 1].
        transparency: array (batch, height, width), float32, not negative: |dscore/dimage| accumulated over the steps.
        names: list of strings, what each image shows.
        scores: array (steps, batch), float32: the score at each step.
        config: dictionary, the settings that the result depends on.
        seed: integer, the run's seed.
    """

    images: np.ndarray
    transparency: np.ndarray
    names: list
    scores: np.ndarray
    config: dict
    seed: int

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        """Some of the batch, as an `Explanation`."""
        chosen = np.atleast_1d(np.arange(len(self))[index])
        if not len(chosen):
            raise IndexError(f"No image is selected by {index!r} from {len(self)}.")
        return dataclasses.replace(
            self,
            images=self.images[chosen],
            transparency=self.transparency[chosen],
            names=[self.names[i] for i in chosen],
            scores=self.scores[:, chosen],
        )

    def __iter__(self):
        return (self[index] for index in range(len(self)))

    def __repr__(self):
        names = f"{', '.join(self.names[:3])}{', ...' if len(self) > 3 else ''}"
        cut = f", interrupted after {len(self.scores)} steps" if self.config.get("interrupted") else ""
        return f"<Explanation of {names}, seed {self.seed}{cut}>"

    def _repr_png_(self):
        """The contact sheet, where a notebook shows a cell's value."""
        from maco_tf.display.contact_sheet import contact_sheet
        from maco_tf.display.files import figure_png

        return figure_png(contact_sheet(self.images, self.transparency, self.names))

    def rgba(self, percentile=80, *, smoothing=0.0):
        """The images with their transparency.

        Args:
            percentile: transparency at or above this percentile of the image is opaque; with `None` all is.
            smoothing: standard deviation of a Gaussian over the transparency, pixels.

        Returns:
            Array (batch, height, width, 4), float32 in [0, 1].
        """
        from maco_tf.display.rgba import to_rgba

        return to_rgba(self.images, self.transparency, percentile, smoothing=smoothing)

    def show(self, *, columns=None, percentile=80, smoothing=0.0):
        """Draw the images with pyplot, in a notebook below the cell, elsewhere in a window.

        Args:
            columns: images a row; `None` chooses.
            percentile: see `rgba`.
            smoothing: see `rgba`.
        """
        import matplotlib.pyplot as plt

        from maco_tf.display.contact_sheet import contact_sheet

        contact_sheet(
            self.images,
            self.transparency,
            self.names,
            columns=columns,
            percentile=percentile,
            smoothing=smoothing,
            figure=plt.figure(),
        )
        plt.show()

    def save(self, path, *, percentile=80, smoothing=0.0):
        """Write to disk.

        Args:
            path: a file ending in `.npz` for everything (`load` reads it), in `.png` for one contact sheet; or a
                folder, which gets both and one RGBA PNG an image.
            percentile: see `rgba`.
            smoothing: see `rgba`; the `.npz` holds the transparency as it is.

        Returns:
            List of the `pathlib.Path`s written. Other files in the folder are left as they are.

        Raises:
            ValueError: another ending.
        """
        from maco_tf.display.contact_sheet import contact_sheet
        from maco_tf.display.files import figure_png, file_name, write_png

        path = Path(path)
        if path.suffix.lower() == ".npz":
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                np.savez_compressed(
                    file,
                    images=self.images,
                    transparency=self.transparency,
                    scores=self.scores,
                    record=json.dumps({"names": self.names, "config": self.config, "seed": self.seed}),
                )
            return [path]
        if path.suffix.lower() == ".png":
            path.parent.mkdir(parents=True, exist_ok=True)
            sheet = contact_sheet(
                self.images, self.transparency, self.names, percentile=percentile, smoothing=smoothing
            )
            path.write_bytes(figure_png(sheet))
            return [path]
        # "run_v1.2" is a folder, "picture.jpg" a mistake.
        if path.suffix[1:].isalpha():
            raise ValueError(f'"path" must end in .npz or .png, or name a folder. Received: {path}.')
        shown = {"percentile": percentile, "smoothing": smoothing}
        written = self.save(path / "explanation.npz") + self.save(path / "contact_sheet.png", **shown)
        for index, (name, image) in enumerate(zip(self.names, self.rgba(**shown))):
            prefix = f"{index:03d}_" if len(self) > 1 else ""
            written.append(write_png(path / f"{prefix}{file_name(name)}.png", image))
        return written

    @classmethod
    def concatenate(cls, explanations):
        """Join explanations of one visualizer into one batch.

        Args:
            explanations: sequence of `Explanation`s with images of one size.

        Returns:
            An `Explanation` with the settings and the seed of the first. Runs that were interrupted end
            in NaN scores.
        """
        explanations = list(explanations)
        if not explanations:
            raise ValueError('"explanations" must hold at least one. Received: none.')
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
        )

    @classmethod
    def load(cls, path):
        """Read what `save` wrote.

        Args:
            path: the `.npz` file, or the folder.

        Returns:
            An `Explanation`.

        Raises:
            ValueError: the file holds something else.
        """
        path = Path(path)
        path = path / "explanation.npz" if path.is_dir() else path
        if path.is_file() and path.suffix.lower() != ".npz":
            raise ValueError(
                '"path" must name the .npz file that Explanation.save wrote, or its folder; pictures do not hold all '
                f"there was. Received: {path}."
            )
        try:
            with np.load(path, allow_pickle=False) as archive:
                record = json.loads(str(archive["record"]))
                return cls(archive["images"], archive["transparency"], scores=archive["scores"], **record)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise ValueError(f'"path" must name what Explanation.save wrote. Received: {path} ({error}).') from error
