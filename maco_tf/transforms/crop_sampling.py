"""Two implementations of one differentiable crop: gathering for CPUs, matrix products for XLA and GPUs.

A crop has sides (sy, sx) around (cy, cx), as fractions of the image. Along the height, output pixel i of n looks at
the position (cy - sy / 2 + sy (i + 1/2) / n) height - 1/2, bilinearly. One pixel beyond the border the image is
continued by its edge, and `OUTSIDE` lies further out. With more than one level, the image is that of the crop's level
of the pyramid (`maco_tf.transforms.pyramid`), and its height is that of the image divided by 2 to the level.
"""

import math

import tensorflow as tf

from maco_tf.transforms.pyramid import choose_levels, halve, level_extents, pixel_shares

# What lies beyond an image. Mid-grey: black or white would be an edge that the model sees.
OUTSIDE = 0.5


def apply_matrices(images, rows, columns):
    """Map the height by one matrix and the width by another.

    Args:
        images: tensor (batch, height, width, channels), float32.
        rows: tensor (batch, views, new_height, height). Where a row sums to less than one, `OUTSIDE` has the rest.
        columns: tensor (batch, views, new_width, width), likewise.

    Returns:
        Tensor (batch, views, new_height, new_width, channels).
    """
    # Taking OUTSIDE off and adding it back gives it to all that no row or column reaches.
    mapped = tf.einsum("bvih,bhwc->bviwc", rows, images - OUTSIDE)
    return tf.einsum("bvjw,bviwc->bvijc", columns, mapped) + OUTSIDE


# The largest buffer that the C library keeps for later (glibc's M_MMAP_THRESHOLD_MAX): one beyond comes anew from the
# system at every step, page by page, which takes three times as long.
_KEPT_BYTES = 2**25

# Where a crop is nowhere in the image: in fractions of it, like the corners of boxes.
_BEYOND = 2.0


def crop_by_gathering(images, centres, sides, size, levels=1):
    """Crops through `tf.image.crop_and_resize`, which has no XLA kernel.

    Args:
        images: tensor (batch, height, width, channels), float32.
        centres: tensor (batch * views, 2), (y, x) as fractions of height and width; it gets no gradient.
        sides: tensor (batch * views, 2), likewise; the views of one image side by side.
        size: `(height, width)` of the crops, pixels.
        levels: of the pyramid; with 1, a crop that has more pixels than the output aliases.

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
    def crop(*pyramid):
        crops = _sample(pyramid[0], boxes[0], owners, size)
        for level in range(1, levels):
            # Crops of other levels are put where there is no image, which costs next to nothing. Left out, their number
            # would be known in the run only, and TensorFlow 2.20 warns of that at every trace.
            here = chosen == level
            these = _sample(pyramid[level], tf.where(here[:, None], boxes[level], _BEYOND), owners, size)
            # Of whole crops, in a third of the time of `tf.where`, which broadcasts the condition.
            crops = tf.raw_ops.Select(condition=here, x=these, y=crops)

        def gradient(upstream):
            return [
                _gradient(upstream, tf.where(chosen == level)[:, 0], boxes[level], owners, pyramid[level].shape)
                for level in range(levels)
            ]

        return crops, gradient

    padded = (tf.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="SYMMETRIC") for image in pyramid)
    return crop(*padded)


def _boxes(centres, sides, extent, size, level):
    """The outermost samples' centres in the level's image, padded by a pixel.

    In fractions of the distance between its first and its last pixel's centre, as `tf.image.crop_and_resize` takes
    them: (crops, 4).
    """
    corners = []
    for end in (0.5, -0.5):
        for axis in (0, 1):
            edge = centres[:, axis] - sides[:, axis] * (end - (end / size[axis]))
            last = level_extents(extent[axis], level + 1)[level] + 1
            corners.append((edge * (extent[axis] / 2**level) + 0.5) / last)
    return tf.stack(corners, -1)


def _sample(padded, boxes, owners, size):
    return tf.image.crop_and_resize(padded, boxes, owners, size, extrapolation_value=OUTSIDE)


def _gradient(upstream, members, boxes, owners, shape):
    """The gradient of a level's padded images, of this shape, by the crops that are taken from them.

    The kernel adds the gradients of all boxes of an image in parallel without a lock, so that parts of them are lost at
    random (TensorFlow 2.20, CPU). Every crop is given an image of its own, and those are added in order: this takes the
    memory of as many images as there are crops.
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


def crop_by_matrices(images, centres, sides, size, levels=1):
    """The same crops as two batched matrix products: compiles under XLA, and is deterministic on a GPU.

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


def _weights(centres, sides, extent, size, levels, chosen):
    """Weights (crops, size, extent) of every pixel of an axis of the image in every pixel of the crops.

    Bilinear between the pixels of the crop's level, and then alike for all pixels of the image within one.
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
