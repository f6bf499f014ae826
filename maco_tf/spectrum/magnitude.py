"""The magnitude of natural images' spectrum: what MACO keeps fixed."""

import dataclasses
from pathlib import Path

import numpy as np

from maco_tf.spectrum.frequencies import resize_magnitude, symmetrize


@dataclasses.dataclass(frozen=True, eq=False)
class Magnitude:
    """|rfft2| of natural images, per channel, before colour correlation and sigmoid.

    Attributes:
        values: array (channels, height, width // 2 + 1), float32, non-negative.
        width: width of the images in pixels; `values` alone does not tell whether it is odd.
    """

    values: np.ndarray
    width: int

    def __post_init__(self):
        values = np.asarray(self.values)
        if values.ndim != 3 or values.shape[2] != self.width // 2 + 1:
            raise ValueError(
                f'"values" must have the shape (channels, height, width // 2 + 1) with "width" = {self.width}. '
                f"Received: shape {values.shape}."
            )
        if not np.isfinite(values).all() or (values < 0).any():
            raise ValueError('"values" must be finite and non-negative. Received: an array that is not.')
        # irfft2 sees the columns kx = 0 and Nyquist only through their symmetric part.
        values = symmetrize(values, self.width).astype("float32")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    @property
    def channels(self):
        """Number of channels of the images."""
        return self.values.shape[0]

    @property
    def height(self):
        """Height of the images, pixels."""
        return self.values.shape[1]

    def resized(self, height, width):
        """The same spectrum on the frequency grid of another image size.

        Args:
            height: pixels, at least 2.
            width: pixels, at least 2.

        Returns:
            A `Magnitude` whose values at equal cycles per pixel, and whose images' standard deviation
            and mean, are those of this one.
        """
        if (height, width) == (self.height, self.width):
            return self
        return Magnitude(resize_magnitude(self.values, self.width, height, width), width)

    def save(self, path):
        """Write to a NumPy archive.

        Args:
            path: file name, by custom ending in `.npz`.

        Returns:
            The `pathlib.Path` written.
        """
        path = Path(path)
        with path.open("wb") as file:
            np.savez_compressed(file, values=self.values, width=self.width)
        return path

    @classmethod
    def load(cls, path):
        """Read what `save` wrote.

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
