"""The distribution of the activations of natural images, layer by layer and channel by channel."""

import dataclasses
import functools
import io
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.models.digests import weights_digest
from maco_tf.objectives.tokens import Tokens, as_tokens, choose_tokens, tokens_config
from maco_tf.products import einsum

# Larger maps are read at a regular grid of at most this many positions. Sorting takes most of the time.
_MOST_POSITIONS = 1024
# The attributes of `LayerStatistics` that hold an array for each layer.
_ARRAYS = ("quantiles", "deviations", "spreads")


def sampled_rows(activation: tf.Tensor, tokens: Tokens = "patch") -> tf.Tensor:
    """The channels of an activation at its positions, or at a regular grid of them if there are many.

    Args:
        activation: tensor (views, height, width, channels), or (views, tokens, width).
        tokens: the tokens of a transformer's layer, see `choose_tokens`.

    Returns:
        Tensor (views, positions, channels).
    """
    if len(activation.shape) == 3:
        rows = choose_tokens(activation, tokens)
        step = -(-rows.shape[1] // _MOST_POSITIONS)
        return rows[:, step // 2 :: step]
    step = 1
    while -(-activation.shape[1] // step) * -(-activation.shape[2] // step) > _MOST_POSITIONS:
        step += 1
    grid = activation[:, step // 2 :: step, step // 2 :: step]
    return tf.reshape(grid, (activation.shape[0], -1, activation.shape[-1]))


def mean_and_deviation(rows: tf.Tensor, least: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The mean and the deviation of every channel over the positions.

    Args:
        rows: tensor (views, positions, channels).
        least: tensor (views, channels), positive, which is added to the variance: the square root has no gradient at 0,
            where a channel may be constant.

    Returns:
        Two tensors (views, channels).
    """
    mean = tf.reduce_mean(rows, axis=1)
    variance = tf.reduce_mean(tf.square(rows - mean[:, None]), axis=1)
    return mean, tf.sqrt(variance + least)


def sorted_means(rows: tf.Tensor, count: int) -> tf.Tensor:
    """Sort every channel over the positions, and average the values in equal parts: its distribution in few numbers.

    Args:
        rows: tensor (views, positions, channels).
        count: number of parts, at most the number of positions.

    Returns:
        Tensor (views, channels, count), rising along the last axis.
    """
    values = tf.sort(tf.transpose(rows, (0, 2, 1)), axis=-1)
    return averaged(values, count)


def averaged(values: tf.Tensor, count: int) -> tf.Tensor:
    """The means of a step function in equal parts of its axis.

    Args:
        values: tensor (views, channels, steps), the heights of equally wide steps.
        count: number of parts.

    Returns:
        Tensor (views, channels, count).
    """
    steps = values.shape[-1]
    if steps == count:
        return values
    edges, borders = np.arange(steps + 1) / steps, np.arange(count + 1) / count
    overlaps = np.minimum(edges[1:, None], borders[1:]) - np.maximum(edges[:-1, None], borders[:-1])
    return einsum("vcs,sq->vcq", values, tf.constant(np.maximum(overlaps, 0) * count, tf.float32))


@dataclasses.dataclass(frozen=True, eq=False)
class LayerStatistics:
    """The distribution of the activations of images in some layers, as `measure_statistics` returns it.

    Attributes:
        layers: the names of the layers.
        quantiles: for each layer, array (channels, quantiles), float32: the sorted activations of an image, averaged in
            equal parts, and then over the images.
        deviations: for each layer, array (channels,), float32: the root mean square distance of an image's sorted
            activations from these means.
        spreads: for each layer, array (channels,), float32: the standard deviation of an image's activations over their
            positions, averaged over the images.
        images: number of images.
        tokens: the tokens of transformer layers that were read: "patch", "class", "all" or a slice.
        model: the name of the model.
        weights: a hash of its weights.

    Raises:
        ValueError: the arrays do not belong together.
    """

    layers: tuple[str, ...]
    quantiles: tuple[np.ndarray, ...]
    deviations: tuple[np.ndarray, ...]
    spreads: tuple[np.ndarray, ...]
    images: int
    tokens: Tokens = "patch"
    model: str = ""
    weights: str = ""

    def __post_init__(self) -> None:
        arrays = (*self.quantiles, *self.deviations, *self.spreads)
        lengths = {len(self.quantiles), len(self.deviations), len(self.spreads)}
        fit = lengths == {len(self.layers)} != {0} and all(
            np.ndim(quantiles) == 2
            and np.shape(first) == np.shape(second) == np.shape(quantiles)[:1]
            and quantiles.size
            for quantiles, first, second in zip(self.quantiles, self.deviations, self.spreads)
        )
        if not fit or not all(np.isfinite(array).all() for array in arrays):
            shapes = [np.shape(array) for array in arrays]
            raise ValueError(
                '"quantiles", "deviations" and "spreads" must hold finite arrays (channels, quantiles), (channels,) '
                f"and (channels,) for each layer. Received: {len(self.layers)} layers and arrays of shapes {shapes}."
            )

    def __repr__(self) -> str:
        return f"<LayerStatistics of {self.images} images in {', '.join(self.layers)}>"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the statistics to a NumPy archive. A failure leaves an earlier file whole.

        Args:
            path: file name, usually ending in `.npz`. Missing folders are created.

        Returns:
            The path of the file.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.partial")
        try:
            unfinished.write_bytes(self.to_bytes())
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "LayerStatistics":
        """Read a file that `save` wrote.

        Args:
            path: file name.

        Returns:
            A `LayerStatistics`.

        Raises:
            ValueError: the file is damaged, or holds something else.
            OSError: the file cannot be read.
        """
        return cls.from_bytes(Path(path).read_bytes(), received=os.fspath(path))

    def to_bytes(self) -> bytes:
        """The content of the file that `save` writes."""
        arrays: dict[str, Any] = {"layers": np.array(self.layers), "images": self.images, "model": self.model}
        arrays["weights"] = self.weights
        tokens = tokens_config(self.tokens)
        # Texts, because NumPy stores None by pickling only.
        parts = [tokens] if isinstance(tokens, str) else ["" if part is None else str(part) for part in tokens]
        arrays["tokens"] = np.array(parts)
        for name in _ARRAYS:
            arrays |= {f"{name}_{number}": array for number, array in enumerate(getattr(self, name))}
        file = io.BytesIO()
        np.savez_compressed(file, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, *, received: str = "something else") -> "LayerStatistics":
        """The inverse of `to_bytes`.

        Args:
            content: the bytes.
            received: where they come from, for the error.

        Raises:
            ValueError: the bytes are damaged, or something else.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                return cls._of_arrays({name: archive[name] for name in archive.files})
        except (ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(
                f'"statistics" must be a file that LayerStatistics.save wrote. Received: {received} ({error}).'
            ) from error

    @classmethod
    def _of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "LayerStatistics":
        layers = tuple(map(str, arrays["layers"]))
        tokens = [str(part) for part in arrays["tokens"]]
        quantiles, deviations, spreads = (
            tuple(np.asarray(arrays[f"{name}_{number}"], "float32") for number in range(len(layers)))
            for name in _ARRAYS
        )
        return cls(
            layers,
            quantiles,
            deviations,
            spreads,
            int(arrays["images"]),
            as_tokens(tokens[0] if len(tokens) == 1 else tuple(int(part) if part else None for part in tokens)),
            str(arrays["model"]),
            str(arrays["weights"]) if "weights" in arrays else "",
        )


def shipped_statistics(model: keras.Model) -> LayerStatistics:
    """The statistics of natural images that the package carries for the networks of its zoo.

    Args:
        model: a network of the zoo, with its weights.

    Returns:
        A `LayerStatistics`.

    Raises:
        ValueError: there are none for these weights.

    Source: `tests/measurements/shipped_statistics.py`, from 700 photographs of ImageNet, one for each of 700 classes.
    """
    folder = Path(__file__).with_name("natural_statistics")
    weights = weights_digest(model)
    for path in sorted(folder.glob("*.npz")):
        statistics = _loaded(path)
        if statistics.weights == weights:
            return statistics
    raise ValueError(
        f'"statistics" must not be None for {model.name!r}: the package has statistics of {_shipped_names(folder)} '
        "only, with their original weights. Received: None. Use NaturalStatistics(measure_statistics(model, images)). "
        "A network with batch norms can also use BatchNormStatistics(), which needs no images."
    )


@functools.cache
def _loaded(path: Path) -> LayerStatistics:
    return LayerStatistics.load(path)


def _shipped_names(folder: Path) -> str:
    return ", ".join(path.stem for path in sorted(folder.glob("*.npz"))) or "no network"
