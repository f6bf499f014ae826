"""The magnitude of the spectrum of natural images, which MACO keeps fixed."""

import dataclasses
import os
from pathlib import Path

import numpy as np

from maco_tf.checks import check_integer
from maco_tf.spectrum.frequencies import resize_magnitude, symmetrize


@dataclasses.dataclass(frozen=True, eq=False)
class Magnitude:
    """|rfft2| of natural images, per channel, in the space before colour correlation and sigmoid.

    Attributes:
        values: array (channels, height, width // 2 + 1), float32, non-negative, read-only.
        width: width of the images, pixels; the shape of `values` does not tell whether it is odd.

    Raises:
        ValueError: `values` has another shape, or holds something other than finite, non-negative numbers.
    """

    values: np.ndarray
    width: int

    def __post_init__(self) -> None:
        width = check_integer("width", self.width, 1)
        values = np.asarray(self.values)
        if values.ndim != 3 or values.shape[2] != width // 2 + 1:
            raise ValueError(
                f'"values" must have the shape (channels, height, width // 2 + 1) with "width" = {width}. '
                f"Received: shape {values.shape}."
            )
        if values.dtype.kind not in "fiu":
            raise ValueError(f'"values" must be real numbers. Received: an array of dtype {values.dtype}.')
        # A NaN fails both comparisons.
        if values.size and not (values.min() >= 0 and values.max() < np.inf):
            raise ValueError(
                f'"values" must be finite and non-negative. Received: values from {values.min():g} to {values.max():g}.'
            )
        # irfft2 uses only the symmetric part of the columns kx = 0 and Nyquist.
        values = symmetrize(values, width).astype("float32")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "width", width)

    @property
    def channels(self) -> int:
        """Number of channels of the images."""
        return self.values.shape[0]

    @property
    def height(self) -> int:
        """Height of the images, pixels."""
        return self.values.shape[1]

    def resized(self, height: int, width: int) -> "Magnitude":
        """The same spectrum on the frequency grid of another image size.

        Args:
            height: pixels, at least 2.
            width: pixels, at least 2.

        Returns:
            A `Magnitude` with the same values at the same cycles per pixel, up to a factor that keeps the standard
            deviation of the images. Their mean stays the same as well.

        Raises:
            ValueError: an argument is not an integer of at least 2.
        """
        height, width = check_integer("height", height, 2), check_integer("width", width, 2)
        if (height, width) == (self.height, self.width):
            return self
        return Magnitude(resize_magnitude(self.values, self.width, height, width), width)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the magnitude to a NumPy archive.

        Args:
            path: file name, usually ending in `.npz`.

        Returns:
            The path of the file.
        """
        path = Path(path)
        with path.open("wb") as file:
            np.savez_compressed(file, values=self.values, width=self.width)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Magnitude":
        """Read a file that `save` wrote.

        Args:
            path: file name.

        Returns:
            A `Magnitude`.

        Raises:
            ValueError: the file holds something else.
        """
        with np.load(path, allow_pickle=False) as archive:
            if not {"values", "width"} <= set(getattr(archive, "files", ())):
                raise ValueError(f'"path" must name an archive that Magnitude.save wrote. Received: {path}.')
            return cls(archive["values"], int(archive["width"]))
