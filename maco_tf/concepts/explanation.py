"""The result of explaining concepts."""

import dataclasses
from pathlib import Path

import numpy as np

from maco_tf.concepts.bank import ConceptBank
from maco_tf.visualizers.explanation import Explanation
from maco_tf.visualizers.top_activating import TopImages


@dataclasses.dataclass(frozen=True, eq=False)
class ConceptExplanation:
    """Concepts as images, with the pieces of natural images that show them most.

    Attributes:
        explanation: an `Explanation`, an image a concept with its transparency.
        patches: a `TopImages`, the patches that activate each concept most.
        importances: array (concepts,), float32, of those shown; or `None` where the bank has none.
        concepts: array (concepts,), their numbers in the bank.
        bank: the `ConceptBank`.
    """

    explanation: Explanation
    patches: TopImages
    importances: np.ndarray | None
    concepts: np.ndarray
    bank: ConceptBank

    def __len__(self):
        return len(self.concepts)

    def __repr__(self):
        return f"<ConceptExplanation of {', '.join(self.patches.names)}>"

    def _repr_png_(self):
        """The figure, where a notebook shows a cell's value."""
        from maco_tf.display.files import figure_png

        return figure_png(self.figure())

    def figure(self, *, percentile=80, figure=None):
        """The concepts side by side, each above its patches; see `TopImages.figure`."""
        return self.patches.figure(self.explanation, percentile=percentile, figure=figure)

    def show(self, *, percentile=80):
        """Draw `figure` with pyplot, in a notebook below the cell, elsewhere in a window."""
        self.patches.show(self.explanation, percentile=percentile)

    def save(self, path):
        """Write to disk.

        Args:
            path: a folder, which gets what `Explanation.save` writes, `concepts.png` (the figure), and `concepts.npz`:
                the patches, their scores, the importances and the bank's directions.

        Returns:
            List of the `pathlib.Path`s written.

        Raises:
            ValueError: see `Explanation.save`.
        """
        from maco_tf.display.files import figure_png

        path = Path(path)
        if path.suffix.lower() in (".png", ".npz"):
            raise ValueError(f'"path" must name a folder. Received: {path}.')
        written = self.explanation.save(path)
        picture, archive = path / "concepts.png", path / "concepts.npz"
        picture.write_bytes(figure_png(self.figure()))
        np.savez_compressed(
            archive,
            patches=self.patches.images,
            scores=self.patches.scores,
            concepts=self.concepts,
            importances=np.full(len(self), np.nan) if self.importances is None else self.importances,
            directions=self.bank.directions,
        )
        return [*written, picture, archive]
