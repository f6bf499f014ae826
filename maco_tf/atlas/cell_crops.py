"""Where in natural images the activations of a cell lie."""

import math
from typing import Any

import numpy as np

from maco_tf.atlas.photographs import Photographs
from maco_tf.atlas.pictures import PHOTOGRAPH, shrunk, webp
from maco_tf.atlas.sampled_activations import Sample
from maco_tf.display.rgba import as_colours
from maco_tf.models.activations import Activations

# Number of crops of a cell.
_COUNT = 4
# Side of a crop, relative to the shorter side of the image; that of CRAFT's patches.
_SIDE = 64 / 224


class CellCrops:
    """Crops of the activations that are nearest to a direction by the cosine, each in another image.

    Args:
        activations: the model.
        layer: the layer of the sample.
        photographs: the images of the sample.
        sample: activations at random positions.
        side: the longer side of the crops, pixels.
    """

    def __init__(
        self, activations: Activations, layer: str, photographs: Photographs, sample: Sample, side: int
    ) -> None:
        self._size = activations.input_shape[:2]
        self._grid = _grid(activations.shapes([layer])[layer])
        self._photographs, self._sample, self._side = photographs, sample, side

    def __call__(
        self, name: str, rows: np.ndarray, direction: np.ndarray
    ) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
        """The crops of a cell.

        Args:
            name: the start of the files' names.
            rows: the rows of the sample that belong to the cell.
            direction: array (channels,).

        Returns:
            `(crops, files)`: list of dictionaries with "file", "score" (the cosine) and "image"; and the files.
        """
        values = self._sample.values[rows].astype("float64")
        lengths = np.linalg.norm(values, axis=1) * np.linalg.norm(direction)
        cosines = values @ direction / np.where(lengths > 0, lengths, 1)
        crops: list[dict[str, Any]] = []
        files: dict[str, bytes] = {}
        shown: set[int] = set()
        for place in np.argsort(-cosines, kind="stable").tolist():
            index = int(self._sample.images[rows[place]])
            if index in shown:
                continue
            shown.add(index)
            file = f"{name}-crop-{len(shown)}.webp"
            files[file] = webp(self._cut(index, int(self._sample.positions[rows[place]])), PHOTOGRAPH)
            score = round(float(cosines[place]), 4)
            crops.append({"file": file, "score": score, "image": self._photographs.name(index)})
            if len(shown) == _COUNT:
                break
        return crops, files

    def _cut(self, index: int, position: int) -> np.ndarray:
        """A square around a position, or the whole image if the layer has one position only."""
        # At twice the size that the model sees, because photographs often have as many pixels.
        height, width = (2 * length for length in self._size)
        image = as_colours(self._photographs.source.read([index], (height, width))[0])
        rows, columns = self._grid
        if rows * columns == 1:
            return shrunk(image, self._side)
        row, column = divmod(position, columns)
        edge = max(1, round(_SIDE * min(height, width)))
        top = min(max(round((row + 0.5) / rows * height - edge / 2), 0), height - edge)
        left = min(max(round((column + 0.5) / columns * width - edge / 2), 0), width - edge)
        return shrunk(image[top : top + edge, left : left + edge], self._side)


def _grid(shape: tuple[int | None, ...]) -> tuple[int, int]:
    """The rows and columns of the positions of a layer."""
    if len(shape) == 3:
        return shape[0] or 1, shape[1] or 1
    side = math.isqrt(shape[0] or 1) if len(shape) == 2 else 1
    return side, side
