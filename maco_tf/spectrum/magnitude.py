"""The magnitude of the spectrum of natural images, which MACO keeps fixed."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np

from maco_tf.checks import check_flag, check_integer, check_number
from maco_tf.spectrum.frequencies import resize_magnitude, standard_deviation, symmetrize
from maco_tf.spectrum.radial import from_rings, ring_profile


@dataclasses.dataclass(frozen=True, eq=False)
class Magnitude:
    """|rfft2| of natural images, per channel, in the space before the colour correlation, if any, and the sigmoid.

    A magnitude has no sign, so the bin at zero frequency says how far the images' means lie from mid-grey, but not
    whether the images are bright or dark. The mean is therefore stored beside it, with its sign.

    Attributes:
        values: array (channels, height, width // 2 + 1), float32, non-negative, read-only.
        width: width of the images, pixels; the shape of `values` does not tell whether it is odd.
        mean: array (channels,), float64, read-only: the mean of a pixel in the same space, with its sign; 0 is mid-grey
            for an image without colour. `None` if it is not known.
        decorrelated: whether three channels are decorrelated colours, see `to_image`; otherwise they are red, green and
            blue.

    Raises:
        ValueError: `values` or `mean` has another shape, or holds something other than finite numbers; or `values` has
            negative ones.
    """

    values: np.ndarray
    width: int
    mean: np.ndarray | None = None
    decorrelated: bool = True

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
        object.__setattr__(self, "decorrelated", check_flag("decorrelated", self.decorrelated))
        object.__setattr__(self, "mean", _checked_mean(self.mean, len(values)))

    def __repr__(self) -> str:
        mean = "no mean" if self.mean is None else f"mean {', '.join(f'{value:.3g}' for value in self.mean)}"
        return f"<Magnitude of {self.channels} channel(s), {self.height} x {self.width} pixels, {mean}>"

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
        values = resize_magnitude(self.values, self.width, height, width)
        return Magnitude(values, width, self.mean, self.decorrelated)

    def isotropic(self) -> "Magnitude":
        """The same magnitude in all directions.

        Every bin takes the root mean square of its ring, interpolated between rings, which lie at equal distances in
        cycles per pixel. Random phases then look like clouds and not like cloth, whose threads are the axes.

        Returns:
            A `Magnitude` of this size with the same mean and exactly the same standard deviation, so the energy of each
            channel is kept. That of a ring is kept up to the interpolation, which is exact for a power law.
        """
        radii, densities = ring_profile(self.values, self.width)
        deviation = standard_deviation(self.values, self.width)
        values = from_rings(radii, densities, self.height, self.width, deviation)
        values[:, 0, 0] = self.values[:, 0, 0]
        return Magnitude(values, self.width, self.mean, self.decorrelated)

    def with_contrast(self, factor: float) -> "Magnitude":
        """The magnitude of images with a stronger or weaker contrast.

        Args:
            factor: multiplies all bins but the mean, and so the standard deviation; above 0.

        Returns:
            A `Magnitude` of this size with the same mean.

        Raises:
            ValueError: `factor` is not a number above 0.
        """
        factor = check_number("factor", factor, above=0)
        if factor == 1:
            return self
        values = factor * self.values
        values[:, 0, 0] = self.values[:, 0, 0]
        return Magnitude(values, self.width, self.mean, self.decorrelated)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the magnitude to a NumPy archive.

        Args:
            path: file name, usually ending in `.npz`.

        Returns:
            The path of the file.
        """
        path = Path(path)
        with path.open("wb") as file:
            known: dict[str, Any] = {} if self.mean is None else {"mean": self.mean}
            # Left out otherwise, as in files of earlier versions.
            known |= {} if self.decorrelated else {"decorrelated": False}
            np.savez_compressed(file, values=self.values, width=self.width, **known)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Magnitude":
        """Read a file that `save` wrote.

        Args:
            path: file name.

        Returns:
            A `Magnitude`. Its mean is not known if an earlier version wrote the file.

        Raises:
            ValueError: the file holds something else.
        """
        with np.load(path, allow_pickle=False) as archive:
            if not {"values", "width"} <= set(getattr(archive, "files", ())):
                raise ValueError(f'"path" must name an archive that Magnitude.save wrote. Received: {path}.')
            mean = archive["mean"] if "mean" in archive.files else None
            decorrelated = bool(archive["decorrelated"]) if "decorrelated" in archive.files else True
            return cls(archive["values"], int(archive["width"]), mean, decorrelated)


def _checked_mean(mean: np.ndarray | None, channels: int) -> np.ndarray | None:
    """A read-only copy of a mean, float64."""
    if mean is None:
        return None
    array = np.array(mean)
    if array.shape != (channels,) or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise ValueError(
            f'"mean" must be None or one finite number for each of the {channels} channel(s). Received: {mean!r}.'
        )
    array = array.astype("float64")
    array.setflags(write=False)
    return array
