"""The natural images that activate each unit of an atlas, with masks and crops, and what they say about the unit."""

import contextlib
import io
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.atlas.atomic_files import PARTIAL
from maco_tf.atlas.photographs import Photographs
from maco_tf.atlas.pictures import PHOTOGRAPH, shrunk, webp
from maco_tf.atlas.record_store import Store
from maco_tf.atlas.unit import Unit
from maco_tf.checks import check_integer
from maco_tf.display.rgba import as_colours
from maco_tf.exemplars.patches import Patches, find_patches
from maco_tf.exemplars.result import Exemplars
from maco_tf.exemplars.search import find_exemplars
from maco_tf.exemplars.summary import UnitSummary, summarize_units
from maco_tf.images.fitting import fit_images
from maco_tf.metrics.feature_extractor import FeatureExtractor
from maco_tf.metrics.interpretability import clarity
from maco_tf.models.activations import Activations
from maco_tf.models.preprocessing import Preprocessing
from maco_tf.models.splitting import last_feature_maps
from maco_tf.models.taps import feature_layers
from maco_tf.objectives.combinations import concatenate, structure

SECTION = "natural"
#: The file of a unit's record with the mean of the embeddings of its crops, float16.
FEATURES = "features.npy"

# Number of images whose patches are found at once: 300 MB at 224 pixels, with masks and gradients.
_AT_ONCE = 288
# The value of a mask from which a pixel is opaque. With 1, only the maximum would be; see `shade`.
_OPAQUE = 0.5
# Side of a crop relative to the box around what the unit responds to.
_CONTEXT = 1.25
# Number of random images on which a layer must have no negative values.
_PROBES = 4


def write_natural_images(
    store: Store,
    model: keras.Model,
    units: Sequence[Unit],
    images: Any,
    *,
    count: int = 9,
    side: int = 160,
    preprocessing: Preprocessing = "auto",
    input_shape: tuple[int, int, int] | None = None,
    batch_size: int = 32,
    verbose: int | str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Find the images that activate each unit most, and write a record of the section "natural" for each.

    One pass over the images serves all units. Then the patches of each unit's images are found, for many units in one
    batch. Records that are whole are left as they are. The others are computed in the same batches as the first time,
    so a run that goes on after a kill writes the same bits.

    A record has the statistics, the histogram and the classes of a `UnitSummary`, and its exemplars: each as the model
    sees it, with its mask as alpha, and as a crop. A dead unit has no exemplars. "clarity" is that of the crops (see
    `maco_tf.metrics.clarity`) in the features of the explained model itself: the last layer of maps without negative
    values, averaged over positions, or else the last layer that `feature_layers` finds. It is null without such a
    layer. The file "features.npy" is the mean of these features, each of length 1.

    Args:
        store: the atlas.
        model: see `MacoVisualizer`.
        units: the units of the atlas; always all of them, in one order.
        images: see `find_exemplars`; an `ImageSource` may bring class numbers.
        count: number of images of each unit, or that of all images if there are fewer.
        side: the longer side of the pictures, pixels.
        preprocessing: see `MacoVisualizer`.
        input_shape: see `MacoVisualizer`.
        batch_size: number of images that the model sees at once.
        verbose: whether the pass over the images shows a progress bar; see `find_exemplars`.
        progress: called with the number of units that are done and the number of all.

    Raises:
        ValueError: see `find_exemplars` and `find_patches`.
    """
    count, side = check_integer("count", count, 1), check_integer("side", side, 1)
    groups = _groups(units)
    units = [unit for group in groups for unit in group]
    missing = {unit.key for unit in units if not store.is_whole(SECTION, unit.key)}
    if not missing:
        return
    settings: dict[str, Any] = {"preprocessing": preprocessing, "input_shape": input_shape}
    activations = Activations(model, **settings)
    photographs = Photographs(images, activations.input_shape[2])
    count = min(count, photographs.source.count or count)
    # All units, and not the missing ones only: the layers that are read decide where batch norms are folded, and with
    # that how results are rounded. The checkpoint spares another pass after a kill.
    checkpoint = store.folder / PARTIAL / "exemplars.npz"
    found = find_exemplars(
        model,
        [concatenate([unit.objective for unit in group]) for group in groups],
        photographs.source,
        count,
        batch_size=batch_size,
        checkpoint=checkpoint,
        verbose=verbose,
        **settings,
    )
    embed = _embedder(activations)
    summaries = summarize_units(found)
    done = 0
    for group in groups:
        for start in range(0, len(group), max(1, _AT_ONCE // count)):
            chunk = group[start : start + max(1, _AT_ONCE // count)]
            if any(unit.key in missing for unit in chunk):
                rows = slice(done, done + len(chunk))
                part = _Chunk(chunk, found[rows], summaries[rows], photographs)
                part.write(store, model, missing, side, embed, settings)
            done += len(chunk)
            if progress is not None:
                progress(done, len(units))
    checkpoint.unlink(missing_ok=True)


def _groups(units: Sequence[Unit]) -> list[list[Unit]]:
    """Units that one compiled function serves, in the order of the first of each group."""
    groups: dict[Any, list[Unit]] = {}
    for unit in units:
        groups.setdefault(structure(unit.objective), []).append(unit)
    return list(groups.values())


class _Chunk:
    """The exemplars of some units of one kind, with their patches, crops and features.

    Args:
        units: the units.
        found: their `Exemplars`.
        summaries: their `UnitSummary`s.
        photographs: the images.
    """

    def __init__(
        self, units: Sequence[Unit], found: Exemplars, summaries: Sequence[UnitSummary], photographs: Photographs
    ) -> None:
        self._units, self._found, self._summaries, self._photographs = units, found, summaries, photographs
        self._shown = (found.indices >= 0) & ~np.array([summary.dead for summary in summaries])[:, None]

    def write(
        self,
        store: Store,
        model: keras.Model,
        missing: set[str],
        side: int,
        embed: Callable[[np.ndarray], np.ndarray] | None,
        settings: dict[str, Any],
    ) -> None:
        """Find the patches of all units, and write the records that are missing."""
        owners, places = (axis.tolist() for axis in np.nonzero(self._shown))
        pictures: dict[tuple[int, int], list[np.ndarray]] = {}
        features: dict[tuple[int, int], np.ndarray] = {}
        if owners:
            size = self._found.config["input_shape"][:2]
            images = np.stack(self._photographs.source.read(self._found.indices[self._shown], size))
            objective = concatenate([self._units[owner].objective for owner in owners])
            patches = find_patches(model, objective, images, **settings)
            crops = patches.tiles(side, context=_CONTEXT, floor=1)
            for row, at in enumerate(zip(owners, places, strict=True)):
                pictures[at] = [*_with_mask(patches, row, side), crops[row]]
            if embed is not None:
                features = dict(zip(pictures, embed(crops), strict=True))
        for number, unit in enumerate(self._units):
            if unit.key in missing:
                own = [at for at in pictures if at[0] == number]
                record = {**_summary_record(unit, self._summaries[number]), "clarity": None, "exemplars": []}
                files: dict[str, bytes] = {}
                for at in own:
                    exemplar = self._exemplar(*at)
                    for kind, picture in zip(("file", "mask", "crop"), pictures[at], strict=True):
                        files[exemplar[kind]] = webp(picture, PHOTOGRAPH)
                    record["exemplars"].append(exemplar)
                rows = np.array([features[at] for at in own if at in features])
                if len(rows) and rows.any(axis=1).all():
                    record["clarity"] = _finite(clarity(rows[None])[0])
                    directions = rows / np.linalg.norm(rows, axis=1, keepdims=True)
                    files[FEATURES] = array_file(directions.mean(axis=0).astype("float16"))
                store.write(SECTION, unit.key, record, files)

    def _exemplar(self, unit: int, place: int) -> dict[str, Any]:
        found, name = self._found, f"{place + 1:02d}"
        return {
            "image": self._photographs.name(int(found.indices[unit, place])),
            "class": self._photographs.class_name(int(found.labels[unit, place])),
            "score": float(found.scores[unit, place]),
            "file": f"{name}.webp",
            "mask": f"{name}-mask.webp",
            "crop": f"{name}-crop.webp",
        }


def array_file(array: np.ndarray) -> bytes:
    """The content of a file of NumPy (.npy)."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _with_mask(patches: Patches, row: int, side: int) -> list[np.ndarray]:
    """An image as the model sees it, and with the mask as alpha."""
    image, alpha = as_colours(patches.images[row]), np.minimum(patches.masks[row] / _OPAQUE, 1)
    return [shrunk(image, side), shrunk(np.concatenate([image, alpha[..., None]], axis=-1), side)]


def _summary_record(unit: Unit, summary: UnitSummary) -> dict[str, Any]:
    return {
        "key": unit.key,
        "kind": unit.kind,
        "layer": unit.layer,
        "index": unit.index,
        "name": unit.name,
        "dead": summary.dead,
        "images": summary.images,
        "active": summary.active,
        "mean": summary.mean,
        "deviation": summary.deviation,
        "minimum": summary.minimum,
        "maximum": summary.maximum,
        "histogram": {"edges": summary.edges.tolist(), "counts": summary.counts.tolist()},
        "classes": [
            {"name": found.name, "index": found.number, "mean": found.mean, "ratio": found.ratio}
            for found in summary.classes
        ],
    }


def positive_maps(activations: Activations) -> str | None:
    """The last layer of feature maps of a classifier that have no negative values on random images, if there is one.

    Args:
        activations: the classifier.
    """
    probes = np.random.default_rng(0).random((_PROBES, *activations.input_shape), "float32")
    return last_feature_maps(activations, probes, lambda maps: tf.reduce_min(maps) >= 0)


def _embedder(activations: Activations) -> Callable[[np.ndarray], np.ndarray] | None:
    """A function from pictures in colour to features of the model; `None` if it has no layer of features."""
    *size, channels = activations.input_shape
    layer = None
    with contextlib.suppress(ValueError):  # A model of several outputs.
        layer = positive_maps(activations)
    layers = feature_layers(activations, 1) if layer is None else [layer]
    if not layers:
        return None
    settings: dict[str, Any] = {"preprocessing": activations.preprocessing, "input_shape": activations.input_shape}
    extractor = FeatureExtractor(activations.model, layers[0], pooling="mean", **settings)

    def embed(pictures: np.ndarray) -> np.ndarray:
        images = fit_images(pictures, size)
        return extractor(images if channels == 3 else images[..., :channels], verbose=0)

    return embed


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
