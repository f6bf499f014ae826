"""The receptive field of a layer: which part of the image each of its positions sees.

The fields are read from the graph that TensorFlow traces, so that functional, sequential, nested and subclassed models
are all the same. The boxes of the image's pixels are followed through each operation.
"""

import dataclasses
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_flag
from maco_tf.exemplars.fields.pixel_boxes import Mode, UnknownOperation
from maco_tf.exemplars.fields.pixel_flow import follow
from maco_tf.models.activations import IMAGE, Activations
from maco_tf.models.preprocessing import Preprocessing


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ReceptiveField:
    """The part of the image that each position of a layer sees.

    Positions are those of a feature map, or of the patches in a transformer's layer. A layer without positions, such as
    a dense layer, has one.

    Attributes:
        size: `(height, width)` of a field, pixels, as if the image went on beyond its border. In a layer behind an
            operation that reads all positions, this is at least the image.
        stride: `(y, x)`, the distance between the fields of two neighbouring positions, pixels; 0 if they are the same.
        offset: `(y, x)` of the first pixel of the field of the first position; negative if the layer pads.
        boxes: array (rows, columns, 4), int64: top, left, bottom and right of each field within the image; bottom and
            right are the first pixels outside. This is exact at the border as well, where padding is not seen.
        image_size: `(height, width)` of the model's input, pixels.
    """

    size: tuple[int, int]
    stride: tuple[float, float]
    offset: tuple[int, int]
    boxes: np.ndarray
    image_size: tuple[int, int]

    def __repr__(self) -> str:
        return f"<ReceptiveField of {self.size} pixels, stride {self.stride}, offset {self.offset}>"

    @property
    def is_global(self) -> bool:
        """Whether every position sees the whole image."""
        return bool((self.boxes == (0, 0, *self.image_size)).all())

    @property
    def centres(self) -> tuple[np.ndarray, np.ndarray]:
        """The pixels at which the fields of the rows and of the columns are centred, which may lie between two pixels.

        Where the fields of all positions are the same, as behind attention, the positions divide the image evenly.
        """
        return (self._centres(0), self._centres(1))

    def _centres(self, axis: int) -> np.ndarray:
        count = self.boxes.shape[axis]
        if count == 1 or not self.stride[axis]:
            return even_centres(count, self.image_size[axis])
        return self.offset[axis] + (self.size[axis] - 1) / 2 + self.stride[axis] * np.arange(count)


def receptive_field(
    model: keras.Model,
    layer: str | int,
    *,
    strict: bool = False,
    preprocessing: Preprocessing = "auto",
    input_shape: tuple[int, int, int] | None = None,
) -> ReceptiveField:
    """The theoretical receptive field of a layer: all pixels that can change the value at a position.

    A factor or a summand that is the same at all positions, such as the gate of a squeeze-and-excitation block or the
    mean of a group normalisation, depends on the whole image but does not say where something is. It is left out by
    default, so that the fields of EfficientNet or MobileNetV3 are those of their convolutions.

    Args:
        model: see `Activations`.
        layer: see `Activations`.
        strict: whether such factors and summands count. The field behind the first of them is then the whole image.
        preprocessing: see `Activations`. The field is one in the image before preprocessing.
        input_shape: see `Activations`.

    Returns:
        A `ReceptiveField`.

    Raises:
        ValueError: the model has no such layer, or uses an operation, such as a loop, that hides what it reads.

    Source: Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
    """
    return field_of(Activations(model, preprocessing, input_shape), layer, strict=strict)


def field_of(activations: Activations, layer: str | int, *, strict: bool = False) -> ReceptiveField:
    """`receptive_field` of a model whose input is known."""
    strict = check_flag("strict", strict)
    height, width, channels = activations.input_shape
    spec = tf.TensorSpec((1, height, width, channels), tf.float32)

    def run(images: tf.Tensor) -> tf.Tensor:
        return images if layer == IMAGE else activations(images, [layer])[layer]

    graph = tf.function(run, autograph=False).get_concrete_function(spec).graph
    rows, columns = np.arange(height)[:, None], np.arange(width)
    pixels = np.stack(np.broadcast_arrays(rows, columns, -rows - 1, -columns - 1), axis=-1)[None, :, :, None]
    start: dict[str, Any] = {graph.inputs[0].name: pixels.astype("int64")}
    try:
        exact, extended = (follow(graph, start, graph.outputs, Mode(extend, strict))[0] for extend in (False, True))
    except UnknownOperation as error:
        raise ValueError(
            f'"layer" must be computed by operations whose fields are known. Received: {layer!r}, which depends on '
            f'{error}. find_patches(..., field="effective") measures the field by its gradient instead.'
        ) from None
    if exact is None or extended is None:
        raise ValueError(f'"layer" must depend on the image. Received: {layer!r}, which does not.')
    shape = tuple(graph.outputs[0].shape[1:])
    boxes, unlimited = _positions(exact, shape), _positions(extended, shape)
    boxes = np.where(boxes[..., 2:3] > boxes[..., :1], np.clip(boxes, 0, (height, width, height, width)), 0)
    first, last = unlimited[0, 0], unlimited[-1, -1]
    steps = [max(count - 1, 1) for count in unlimited.shape[:2]]
    return ReceptiveField(
        size=(int(first[2] - first[0]), int(first[3] - first[1])),
        stride=(float(last[0] - first[0]) / steps[0], float(last[1] - first[1]) / steps[1]),
        offset=(int(first[0]), int(first[1])),
        boxes=boxes,
        image_size=(height, width),
    )


def even_centres(count: int, size: int) -> np.ndarray:
    """The centres of `count` equal parts of `size` pixels, in pixels."""
    return (np.arange(count) + 0.5) * size / count - 0.5


def token_grid(count: int) -> tuple[int, int]:
    """The positions of the patches in a transformer's layer: the largest square at the end of the tokens.

    Args:
        count: number of tokens.

    Returns:
        `(side, before)`: the side of the grid, and the number of class and register tokens before it.
    """
    side = math.isqrt(count)
    return side, count - side * side


def _positions(boxes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Boxes (rows, columns, 4), top, left, bottom and right, of the positions of a layer."""
    if len(shape) == 3:
        found = np.broadcast_to(boxes[0].min(axis=2), (*shape[:2], 4))
    elif len(shape) == 2:
        side, before = token_grid(shape[0])
        tokens = np.broadcast_to(boxes[0].min(axis=1), (shape[0], 4))
        found = tokens[before:].reshape((side, side, 4))
    else:
        found = boxes.reshape((-1, 4)).min(axis=0)[None, None]
    return found * (1, 1, -1, -1)
