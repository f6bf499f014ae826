"""Films: a run from its start to its end, or one image of a batch after another."""

import base64
import dataclasses
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from maco_tf.checks import check_choice, check_integer, check_number, unit_range
from maco_tf.display.rgba import drawn_channels

ENDINGS = (".gif", ".webp", ".mp4")

# Space between the images of a frame, pixels.
_GAP = 4
# The last frame stands still for so long, seconds, before the film begins again.
_HOLD = 1.5


@dataclasses.dataclass(frozen=True, eq=False)
class Film:
    """A series of frames, which a notebook plays as the value of a cell.

    Attributes:
        frames: array (frames, height, width, 3), uint8.
        fps: frames per second.
    """

    frames: np.ndarray
    fps: float = 12.0

    def __post_init__(self) -> None:
        shape = np.shape(self.frames)
        if len(shape) != 4 or shape[-1] != 3 or not len(self.frames) or np.asarray(self.frames).dtype != np.uint8:
            raise ValueError(
                '"frames" must be an array (frames, height, width, 3) of uint8. Received: shape '
                f"{shape}, {np.asarray(self.frames).dtype}."
            )
        # Browsers play nothing faster than 50 frames per second from a GIF.
        object.__setattr__(self, "fps", check_number("fps", self.fps, above=0, most=50))

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        count, height, width, _ = self.frames.shape
        return f"<Film of {count} frames, {height} x {width} pixels, {count / self.fps:.1f} s>"

    def _repr_html_(self) -> str:
        return f'<img alt="film" src="data:image/webp;base64,{base64.b64encode(self._animated("WEBP")).decode()}"/>'

    def save(self, path: str | Path) -> Path:
        """Write the film. A GIF and a WebP file play forever; the last frame stands still for a moment.

        Args:
            path: name of the file. `.webp` is the smallest with good colours; `.gif` has 256 colours and plays
                everywhere; `.mp4` (H.264) needs `pip install "imageio[ffmpeg]"`. Missing folders are created.

        Returns:
            The path of the file.

        Raises:
            ValueError: another ending.
            ImportError: a package is missing.
        """
        path = check_ending(path)
        content = self._encoded() if path.suffix.lower() == ".mp4" else self._animated(path.suffix[1:].upper())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def _animated(self, form: str) -> bytes:
        from PIL import Image

        pictures = [Image.fromarray(frame) for frame in self.frames]
        settings: dict[str, Any] = {"quality": 85, "method": 4}
        if form == "GIF":
            # One palette for the whole film: with a palette for each frame, still parts would flicker.
            palette = _sample(self.frames).quantize(256, method=Image.Quantize.MEDIANCUT)
            pictures = [picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for picture in pictures]
            settings = {"optimize": False}
        durations = [round(1000 / self.fps)] * (len(pictures) - 1) + [round(1000 * _HOLD)]
        buffer = io.BytesIO()
        pictures[0].save(
            buffer, form, save_all=True, append_images=pictures[1:], duration=durations, loop=0, **settings
        )
        return buffer.getvalue()

    def _encoded(self) -> bytes:
        try:
            import imageio.v3
            import imageio_ffmpeg  # noqa: F401
        except ImportError as error:
            raise ImportError(
                'An .mp4 film needs imageio and ffmpeg: pip install "imageio[ffmpeg]". A .webp film needs neither.'
            ) from error
        # H.264 halves the resolution of colours, so it needs even sides.
        _, height, width, _ = self.frames.shape
        frames = np.pad(self.frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frames = np.concatenate([frames, np.repeat(frames[-1:], round(_HOLD * self.fps), axis=0)])
        settings: dict[str, Any] = {"fps": self.fps, "codec": "libx264", "quality": 8, "macro_block_size": 2}
        return imageio.v3.imwrite("<bytes>", frames, extension=".mp4", plugin="FFMPEG", **settings)


def check_ending(path: str | Path) -> Path:
    """Check that a file's name ends like a film.

    Args:
        path: name of the file.

    Returns:
        The path.

    Raises:
        ValueError: it has another ending.
    """
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(f'"path" must end in {", ".join(ENDINGS)}. Received: {path}.')
    return path


def film_of(
    images: Sequence[np.ndarray] | np.ndarray,
    *,
    stretch: Literal["last", "each"] = "last",
    columns: int | None = None,
    bands: Sequence[int] | None = None,
    fps: float = 12.0,
) -> Film:
    """Make a film whose frames show the images of a batch side by side.

    Args:
        images: array (frames, batch, height, width, channels), floating-point values in [0, 1] or uint8.
        stretch: the frame whose 1st and 99th percentile become black and white. "last" is for a run: the film ends as
            `Explanation.show` draws the image, and nothing flickers. "each" is for frames of different images.
        columns: number of images in a row; `None` makes the frame about as wide as high, and at most four wide.
        bands: the three channels to show of images of more; `None` takes the first three.
        fps: frames per second.

    Returns:
        A `Film`.

    Raises:
        ValueError: there is no image, or an argument lies outside its range.
    """
    if np.ndim(images) != 5 or not len(images) or not np.shape(images)[1]:
        raise ValueError(
            '"images" must be an array (frames, batch, height, width, channels) with at least one image. Received: '
            f"shape {np.shape(images)}."
        )
    check_choice("stretch", stretch, ("last", "each"))
    batch = np.shape(images)[1]
    drawn = list(drawn_channels(np.shape(images)[-1], bands))
    limits = _limits(unit_range("images", images[-1])[..., drawn])
    frames = []
    for frame in images:
        values = unit_range("images", frame)[..., drawn]
        low, high = limits if stretch == "last" else _limits(values)
        frames.append(np.round(255 * np.clip((values - low) / np.maximum(high - low, 1e-6), 0, 1)).astype("uint8"))
    columns = min(4, math.ceil(math.sqrt(batch))) if columns is None else check_integer("columns", columns, 1)
    return Film(np.stack([_side_by_side(frame, min(columns, batch)) for frame in frames]), fps)


def _limits(images: np.ndarray) -> np.ndarray:
    """The 1st and 99th percentile of each image, as `to_rgba` takes them."""
    return np.percentile(images, (1, 99), axis=(1, 2, 3), keepdims=True)


def _side_by_side(pictures: np.ndarray, columns: int) -> np.ndarray:
    """Pictures in rows and columns on white: array (height, width, 3), uint8."""
    batch, height, width, _ = pictures.shape
    rows = math.ceil(batch / columns)
    frame = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3), 255, "uint8")
    for number, picture in enumerate(pictures):
        top, left = (number // columns) * (height + _GAP), (number % columns) * (width + _GAP)
        frame[top : top + height, left : left + width] = picture
    return frame


def _sample(frames: np.ndarray) -> Any:
    """A picture with pixels of eight frames of the film, from which its palette is made."""
    from PIL import Image

    chosen = frames[np.linspace(0, len(frames) - 1, min(8, len(frames))).round().astype(int)]
    return Image.fromarray(np.concatenate(list(chosen)))
