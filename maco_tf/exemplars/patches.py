"""Where in an image a unit responds: the position, the patch around it, and a soft mask."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import cv2
import keras
import numpy as np

from maco_tf.checks import check_choice, check_integer, check_number
from maco_tf.display.shading import patch_tiles
from maco_tf.exemplars.fields.receptive_field import ReceptiveField, even_centres, field_of
from maco_tf.exemplars.patch_maps import PatchMaps
from maco_tf.images.fitting import as_images, check_channels, fit_images
from maco_tf.models.activations import IMAGE, Activations
from maco_tf.models.preprocessing import Preprocessing
from maco_tf.objectives.joint import check_separate
from maco_tf.objectives.objective import Objective, check_objective_type

MASKS = ("activation", "gradient")
FIELDS = ("effective", "theoretical")

# Cells along a side of the grid on which the smallest box is searched: on 224 pixels, it is found to within 4 pixels.
_CELLS = 64

# Standard deviation of the Gaussian that smooths a gradient, relative to the shorter side of the image.
_SMOOTHING = 0.02


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Patches:
    """Where a unit responds in some images. All arrays are batch-first, with an entry for each image.

    Attributes:
        images: array (batch, height, width, channels), float32 in [0, 1], as the model sees them.
        positions: array (batch, 2), int64, row and column of the strongest position of `maps` that the objective reads,
            the first of equals.
        boxes: array (batch, 4), int64: top, left, bottom and right of the patch, pixels; bottom and right are the first
            pixels outside.
        masks: array (batch, height, width), float32 in [0, 1]: how much a pixel belongs to the response. It is 0
            everywhere for an image in which nothing speaks for the unit.
        maps: array (batch, rows, columns), float32: what each position contributes to the score.
        layer: the layer that `maps` belong to.
    """

    images: np.ndarray
    positions: np.ndarray
    boxes: np.ndarray
    masks: np.ndarray
    maps: np.ndarray
    layer: str | int

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        return f"<Patches of {self.layer} in {len(self)} images>"

    @property
    def crops(self) -> list[np.ndarray]:
        """The patches: arrays (height, width, channels) of different sizes, float32 in [0, 1]."""
        return [image[top:bottom, left:right] for image, (top, left, bottom, right) in zip(self.images, self.boxes)]

    def tiles(self, side: int = 160, **settings: Any) -> np.ndarray:
        """Square pictures of the patches, darkened outside the mask; see `patch_tiles`, which takes the settings."""
        return patch_tiles(self.images, self.masks, self.boxes, side, **settings)


def find_patches(
    model: keras.Model,
    objective: Objective,
    images: Any,
    *,
    mask: str = "activation",
    field: str = "effective",
    share: float = 0.9,
    layer: str | int | None = None,
    preprocessing: Preprocessing = "auto",
    input_shape: tuple[int, int, int] | None = None,
    batch_size: int = 16,
) -> Patches:
    """Find where in images a unit responds.

    What a position of the objective's layer contributes is its activation times the gradient of the score, summed over
    channels. For a `Channel`, this is its map of activations. A logit, a class token or another objective without
    positions is followed back to the last layer of feature maps that it depends on, and its patch is the part of the
    image on which the whole score depends.

    Args:
        model: see `MacoVisualizer`.
        objective: an `Objective` of length one, or with one objective for each image.
        images: see `top_activating`. The model sees their centre, resized to its input.
        mask: "activation" enlarges the map of contributions to the image, where each position stands at the centre of
            its receptive field. "gradient" is the magnitude of the gradient of the strongest position's contribution
            with respect to the image, smoothed.
        field: the patch around the strongest position. "effective" is the smallest box that holds the share `share` of
            the squared gradient of its contribution with respect to this image. "theoretical" is its receptive field,
            all pixels that could change it, see `receptive_field`; in deep layers, this is the whole image.
        share: share of the squared gradient within an effective box, in (0, 1].
        layer: the layer whose positions are meant; `None` takes the objective's own, see above.
        preprocessing: see `MacoVisualizer`.
        input_shape: see `MacoVisualizer`.
        batch_size: number of images that the model sees at once.

    Returns:
        `Patches`.

    Raises:
        ValueError: the objective does not fit the model or compares images with one another, its length is neither one
            nor the number of images, or the score does not depend on `layer`.

    Source: the effective receptive field is that of Luo et al. 2016 (arXiv:1701.04128).
    """
    mask, field = check_choice("mask", mask, MASKS), check_choice("field", field, FIELDS)
    share = check_number("share", share, above=0, most=1)
    batch_size = check_integer("batch_size", batch_size, 1)
    check_objective_type(objective)
    check_separate(objective)
    # In half precision, gradients with respect to the image may underflow.
    activations = Activations(model, preprocessing, input_shape).with_precision("float32")
    *size, channels = activations.input_shape
    batch = as_images("images", images, channels, size=size)
    check_channels("images", batch, channels)
    batch = fit_images(batch, size)
    if len(objective) not in (1, len(batch)):
        raise ValueError(
            f'"objective" must have the length one, or one objective for each of {len(batch)} images. Received: length '
            f"{len(objective)}."
        )
    objective = objective.take(np.zeros(len(batch), int)) if len(objective) == 1 else objective
    found = PatchMaps(activations, objective.fitted(activations.input_shape), layer)
    maps, positions, gradients = found(batch, batch_size, gradients=mask == "gradient" or field == "effective")
    theoretical = field == "theoretical" and found.local
    fields = None
    if theoretical or mask == "activation":
        # The mask can do without.
        fields = _field_or_none(activations, found.layer, needed=theoretical)
    boxes = np.tile([0, 0, *size], (len(batch), 1))
    if field == "effective":
        boxes = np.stack([smallest_box(gradient**2, share) for gradient in gradients])
    elif theoretical and fields is not None:
        boxes = fields.boxes[positions[:, 0], positions[:, 1]]
    if mask == "gradient":
        masks = np.stack([_smoothed(gradient) for gradient in gradients])
    else:
        centres = fields.centres if fields else tuple(map(even_centres, maps.shape[1:], size))
        masks = np.stack([_enlarged(positive, centres, size) for positive in maps])
    return Patches(batch, positions, boxes.astype("int64"), _to_unit(masks), maps, found.layer)


def smallest_box(energy: np.ndarray, share: float) -> np.ndarray:
    """The smallest box that holds a share of the energy of an image.

    Args:
        energy: array (height, width), not negative.
        share: share of the sum within the box, in (0, 1].

    Returns:
        Array (4,), int64: top, left, bottom and right, pixels; the whole image if there is no energy. Images of more
        than 64 pixels are divided into at most 64 x 64 cells, between which the borders of the box lie.
    """
    height, width = energy.shape
    edges = [np.linspace(0, size, min(size, _CELLS) + 1).round().astype(int) for size in (height, width)]
    cells = np.add.reduceat(np.add.reduceat(energy.astype("float64"), edges[0][:-1], 0), edges[1][:-1], 1)
    sums = np.pad(cells.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    wanted = share * sums[-1, -1] * (1 - 1e-9)
    best, area = np.array([0, 0, height, width]), height * width + 1
    if sums[-1, -1] <= 0:
        return best
    for top in range(len(edges[0]) - 1):
        bands = sums[top + 1 :] - sums[top]  # (bottoms, columns + 1): the energy to the left within each band
        for bottom, band in enumerate(bands, start=top + 1):
            if band[-1] < wanted:
                continue
            # For each left edge, the first right edge at which the box holds enough.
            rights = np.searchsorted(band, band[:-1] + wanted)
            lefts = np.flatnonzero(rights < len(band))
            if not len(lefts):
                continue
            widths = edges[1][rights[lefts]] - edges[1][lefts]
            narrowest = int(widths.argmin())
            found = int(widths[narrowest] * (edges[0][bottom] - edges[0][top]))
            if found < area:
                left = lefts[narrowest]
                area, best = found, np.array([edges[0][top], edges[1][left], edges[0][bottom], edges[1][rights[left]]])
    return best


def _field_or_none(activations: Activations, layer: str | int, *, needed: bool) -> ReceptiveField | None:
    """The receptive field, or `None` where the graph hides it; the positions are then taken to be evenly spaced."""
    try:
        return None if layer == IMAGE else field_of(activations, layer)
    except ValueError:
        if needed:
            raise
        return None


def _enlarged(values: np.ndarray, centres: Sequence[np.ndarray], size: Sequence[int]) -> np.ndarray:
    """A map as large as the image, bilinear between the centres of the positions and constant outside."""
    down, across = ((np.arange(side)[:, None] - at[None, :1]) / _spacing(at) for side, at in zip(size, centres))
    places = np.broadcast_arrays(across.T, down)
    columns, rows = (np.ascontiguousarray(place, "float32") for place in places)
    return cv2.remap(values.astype("float32"), columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _spacing(centres: np.ndarray) -> float:
    return float(centres[1] - centres[0]) if len(centres) > 1 else 1.0


def _smoothed(gradient: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(gradient, (0, 0), max(1.0, _SMOOTHING * min(gradient.shape)))


def _to_unit(masks: np.ndarray) -> np.ndarray:
    """Negative values become 0, and the largest value of each mask 1."""
    masks = np.maximum(masks, 0)
    largest = masks.max(axis=(1, 2), keepdims=True)
    return (masks / np.where(largest > 0, largest, 1)).astype("float32")
