"""Images darkened where a mask is low, so that one sees which part of each is meant."""

import cv2
import numpy as np

from maco_tf.checks import check_integer, check_number, unit_range
from maco_tf.display.rgba import as_colours


def shade(
    images: np.ndarray,
    masks: np.ndarray,
    *,
    floor: float = 0.3,
    full: float = 0.5,
    contour: float | None = None,
) -> np.ndarray:
    """Darken images where their masks are low.

    Args:
        images: array (batch, height, width, channels), integers in [0, 255] or floating-point values in [0, 1]. Of more
            than three channels the first three are drawn, and one is drawn as grey.
        masks: array (batch, height, width), in [0, 1].
        floor: brightness where the mask is 0, in [0, 1]; 1 does not darken.
        full: value of the mask, in (0, 1], from which an image keeps its brightness. With 1, only the maximum of a mask
            would, and most of what it selects would be dark.
        contour: value of the mask, in (0, 1), along which a white line with a black border is drawn; `None` draws none.

    Returns:
        Array (batch, height, width, 3), float32 in [0, 1].

    Raises:
        ValueError: an array has the wrong shape, or a value lies outside its range.
    """
    images, masks = unit_range("images", images), unit_range("masks", masks)
    if images.ndim != 4 or masks.shape != images.shape[:3]:
        raise ValueError(
            '"masks" must have one value for each pixel of "images". Received: masks of shape '
            f"{masks.shape} for images of shape {images.shape}."
        )
    floor, full = check_number("floor", floor, least=0, most=1), check_number("full", full, above=0, most=1)
    drawn = as_colours(images)
    shaded = np.ascontiguousarray(drawn * (floor + (1 - floor) * np.minimum(masks / full, 1))[..., None], "float32")
    if contour is not None:
        contour = check_number("contour", contour, above=0, most=1)
        for picture, mask in zip(shaded, masks):
            lines, _ = cv2.findContours((mask >= contour).astype("uint8"), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            width = max(1, round(min(mask.shape) / 200))
            # The black border shows the line on white as well.
            cv2.drawContours(picture, lines, -1, (0.0, 0.0, 0.0), width + 2, cv2.LINE_AA)
            cv2.drawContours(picture, lines, -1, (1.0, 1.0, 1.0), width, cv2.LINE_AA)
    return shaded


def patch_tiles(
    images: np.ndarray,
    masks: np.ndarray,
    boxes: np.ndarray,
    side: int = 160,
    *,
    context: float = 1.5,
    floor: float = 0.3,
    full: float = 0.5,
    contour: float | None = None,
) -> np.ndarray:
    """Cut patches out of images, darken them outside their masks and bring them to one size, ready for `mosaic`.

    Boxes are enlarged to squares with some context around them, as far as the image goes. Nothing is stretched.

    Args:
        images: see `shade`.
        masks: see `shade`.
        boxes: array (batch, 4), integers: top, left, bottom and right, pixels; bottom and right lie outside.
        side: side of the pictures, pixels.
        context: side of a square relative to the longer side of its box, at least 1.
        floor: see `shade`.
        full: see `shade`.
        contour: see `shade`.

    Returns:
        Array (batch, side, side, 3), float32 in [0, 1]. A patch that is not square, because the image is too narrow for
        it, lies in the middle on white.

    Raises:
        ValueError: an array has the wrong shape, or a value lies outside its range.
    """
    side, context = check_integer("side", side, 1), check_number("context", context, least=1)
    images, masks, boxes = unit_range("images", images), unit_range("masks", masks), np.asarray(boxes)
    if boxes.shape != (len(images), 4):
        raise ValueError(f'"boxes" must have the shape ({len(images)}, 4). Received: {boxes.shape}.')
    drawn = shade(images, masks, floor=1)
    tiles, shades = np.ones((len(images), side, side, 3), "float32"), np.ones((len(images), side, side), "float32")
    for number, box in enumerate(boxes):
        top, left, bottom, right = _squared(box, context, drawn.shape[1:3])
        scale = side / max(bottom - top, right - left)
        height, width = max(1, round(scale * (bottom - top))), max(1, round(scale * (right - left)))
        y, x = (side - height) // 2, (side - width) // 2
        # Averaging where the patch gets smaller, and a smooth enlargement otherwise.
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        for source, target in ((drawn, tiles), (masks, shades)):
            resized = cv2.resize(source[number, top:bottom, left:right], (width, height), interpolation=method)
            target[number, y : y + height, x : x + width] = np.clip(resized, 0, 1)
    return shade(tiles, shades, floor=floor, full=full, contour=contour)


def _squared(box: np.ndarray, context: float, size: tuple[int, ...]) -> tuple[int, int, int, int]:
    """A box enlarged to a square within an image, or as close to one as the image allows."""
    edge = max(1, round(context * max(int(box[2] - box[0]), int(box[3] - box[1]))))
    ends = []
    for first, last, limit in ((box[0], box[2], size[0]), (box[1], box[3], size[1])):
        extent = min(edge, limit)
        start = min(max(int(first + last - extent) // 2, 0), limit - extent)
        ends.append((start, start + extent))
    (top, bottom), (left, right) = ends
    return top, left, bottom, right
