"""One differentiable crop in two implementations: gathering for CPUs, matrix products for XLA and GPUs.

A crop has sides (sy, sx) around a centre (cy, cx), as fractions of the image. Along the height, pixel i of the n pixels
of the output is the bilinear sample of the image at (cy - sy / 2 + sy (i + 1/2) / n) height - 1/2. Up to one pixel
beyond the border, the image is continued by its edge; farther out, its value is `OUTSIDE`. With several levels, a crop
is sampled from its level of the pyramid (`maco_tf.transforms.pyramid`) instead, and the height is that of the image
divided by 2**level.
"""

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from maco_tf.products import einsum
from maco_tf.transforms.pyramid import choose_levels, halve, level_extents, pixel_shares

# The value around an image. Mid-grey, because black or white would make an edge that the model sees.
OUTSIDE = 0.5

# The C library keeps freed buffers of up to this size (glibc's M_MMAP_THRESHOLD_MAX). It requests larger ones from the
# system at every step, page by page, which takes three times as long.
_KEPT_BYTES = 2**25

# A coordinate outside the image, as a fraction of it.
_BEYOND = 2.0


def apply_matrices(images: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Multiply the height of images by one matrix and their width by another.

    Args:
        images: tensor (batch, height, width, channels), float32.
        rows: tensor (batch, views, new_height, height). `OUTSIDE` gets the weight that a row lacks to sum to one.
        columns: tensor (batch, views, new_width, width); the same holds.

    Returns:
        Tensor (batch, views, new_height, new_width, channels).
    """
    # Subtracting OUTSIDE and adding it again gives it the missing weight.
    mapped = einsum("bvih,bhwc->bviwc", rows, images - OUTSIDE)
    return einsum("bvjw,bviwc->bvijc", columns, mapped) + OUTSIDE


def crop_by_gathering(
    images: tf.Tensor, centres: tf.Tensor, sides: tf.Tensor, size: tuple[int, int], levels: int = 1
) -> tf.Tensor:
    """Crop by `tf.image.crop_and_resize`, which has no XLA kernel.

    Args:
        images: tensor (batch, height, width, channels), float32.
        centres: tensor (batch * views, 2), (y, x) as fractions of height and width; they get no gradient.
        sides: tensor (batch * views, 2), in the same units, without a gradient; crops of the same image are adjacent.
        size: `(height, width)` of the crops, pixels.
        levels: number of levels of the pyramid. With 1, crops that have more pixels than the output alias.

    Returns:
        Tensor (batch * views, *size, channels).
    """
    batch, *extent, _ = images.shape
    chosen = choose_levels(sides, extent, size, levels)
    owners = tf.repeat(tf.range(batch), centres.shape[0] // batch)
    boxes = [_boxes(centres, sides, extent, size, level) for level in range(levels)]
    pyramid = [images]
    for _ in range(levels - 1):
        pyramid.append(halve(pyramid[-1]))

    @tf.custom_gradient
    def crop(*pyramid: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], list[tf.Tensor]]]:
        crops = _sample(pyramid[0], boxes[0], owners, size)
        for level in range(1, levels):
            # Crops of other levels are sampled outside the image, which costs almost nothing. If they were left out,
            # the number of crops would be unknown at tracing, and TensorFlow 2.20 warns of that at every trace.
            here = chosen == level
            these = _sample(pyramid[level], tf.where(here[:, None], boxes[level], _BEYOND), owners, size)
            # Selects whole crops in a third of the time of `tf.where`, which broadcasts the condition.
            crops = tf.raw_ops.Select(condition=here, x=these, y=crops)

        def gradient(upstream: tf.Tensor) -> list[tf.Tensor]:
            return [
                _gradient(upstream, tf.where(chosen == level)[:, 0], boxes[level], owners, pyramid[level].shape)
                for level in range(levels)
            ]

        return crops, gradient

    padded = (tf.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="SYMMETRIC") for image in pyramid)
    return crop(*padded)


def _boxes(centres: tf.Tensor, sides: tf.Tensor, extent: Sequence[int], size: tuple[int, int], level: int) -> tf.Tensor:
    """The positions of a crop's outermost samples in the image of a level, padded by one pixel.

    Returns:
        Tensor (crops, 4), as `tf.image.crop_and_resize` expects it: in fractions of the distance between the centres of
        the first and the last pixel.
    """
    corners = []
    for end in (0.5, -0.5):
        for axis in (0, 1):
            edge = centres[:, axis] - sides[:, axis] * (end - (end / size[axis]))
            last = level_extents(extent[axis], level + 1)[level] + 1
            corners.append((edge * (extent[axis] / 2**level) + 0.5) / last)
    return tf.stack(corners, -1)


def _sample(padded: tf.Tensor, boxes: tf.Tensor, owners: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    return tf.image.crop_and_resize(padded, boxes, owners, size, extrapolation_value=OUTSIDE)


def _gradient(
    upstream: tf.Tensor, members: tf.Tensor, boxes: tf.Tensor, owners: tf.Tensor, shape: Sequence[int]
) -> tf.Tensor:
    """The gradient with respect to the padded images of a level, of this shape.

    The kernel adds the gradients of all crops of an image in parallel without a lock, and loses parts of them at random
    (TensorFlow 2.20, CPU). So it writes the gradient of every crop into a separate image, and we add those in order.
    This needs memory for as many images as there are crops.

    Args:
        upstream: gradient with respect to the crops.
        members: indices of the crops that are sampled from this level.
        boxes: see `_boxes`.
        owners: index of the image that each crop is taken from.
        shape: shape of the padded images.
    """
    batch, *shape = shape
    at_once = max(_KEPT_BYTES // (4 * math.prod(shape)), 1)
    sums = []
    for first in range(0, boxes.shape[0], at_once):
        some = members[first : first + at_once]
        number = tf.size(some)
        alone = tf.raw_ops.CropAndResizeGradImage(
            grads=tf.gather(upstream, some),
            boxes=tf.gather(boxes, some),
            box_ind=tf.range(number),
            image_size=tf.stack([number, *shape]),
            T=tf.float32,
        )
        sums.append(tf.sparse.segment_sum(alone, tf.range(number), tf.gather(owners, some), num_segments=batch))
    return tf.add_n(sums)


def crop_by_matrices(
    images: tf.Tensor, centres: tf.Tensor, sides: tf.Tensor, size: tuple[int, int], levels: int = 1
) -> tf.Tensor:
    """Crop by two batched matrix products, which compile under XLA and are deterministic on a GPU.

    Arguments and result are those of `crop_by_gathering`.
    """
    batch, *extent, channels = images.shape
    views = centres.shape[0] // batch
    chosen = choose_levels(sides, extent, size, levels)
    rows, columns = (
        tf.reshape(
            _weights(centres[:, axis], sides[:, axis], extent[axis], size[axis], levels, chosen),
            (batch, views, size[axis], extent[axis]),
        )
        for axis in (0, 1)
    )
    return tf.reshape(apply_matrices(images, rows, columns), (batch * views, *size, channels))


def _weights(centres: tf.Tensor, sides: tf.Tensor, extent: int, size: int, levels: int, chosen: tf.Tensor) -> tf.Tensor:
    """The weight of every pixel of the image in every pixel of the crops, along one axis.

    Weights are bilinear between pixels of the crop's level, and equal for all pixels of the image that make up one.

    Returns:
        Tensor (crops, size, extent).
    """
    scale = tf.cast(2**chosen, tf.float32)[:, None]
    count = tf.gather(tf.constant(level_extents(extent, levels), tf.float32), chosen)[:, None]
    offsets = (tf.range(size, dtype=tf.float32) + 0.5) / size - 0.5
    positions = (centres[:, None] + sides[:, None] * offsets) * extent / scale - 0.5
    reached = tf.cast((positions >= -1.0) & (positions <= count), tf.float32)
    positions = tf.clip_by_value(positions, 0.0, count - 1.0)
    pixels = tf.floor(tf.range(extent, dtype=tf.float32) / scale)
    weights = tf.nn.relu(1.0 - tf.abs(positions[..., None] - pixels[:, None])) * reached[..., None]
    return weights * tf.gather(pixel_shares(extent, levels), chosen)[:, None]
