"""Two implementations of one differentiable crop: gathering for CPUs, matrix products for XLA and GPUs.

A crop has sides (sy, sx) around (cy, cx), as fractions of the image. Along the height, output pixel i of n looks at
the position (cy - sy / 2 + sy (i + 1/2) / n) height - 1/2, bilinearly; with `samples` k above one, it is the mean of
k x k such positions spread over its area, so that a crop larger than the output does not alias. One pixel beyond
the border the image is continued by its edge, and `OUTSIDE` lies further out.
"""

import tensorflow as tf

from maco_tf.transforms.separable import OUTSIDE, apply_matrices


def crop_by_gathering(images, centres, sides, size, samples=1):
    """Crops through `tf.image.crop_and_resize`, which has no XLA kernel.

    Args:
        images: tensor (batch, height, width, channels), float32.
        centres: tensor (batch * views, 2), (y, x) as fractions of height and width.
        sides: tensor (batch * views, 2), likewise; the views of one image side by side.
        size: `(height, width)` of the crops, pixels.
        samples: positions a pixel and axis.

    Returns:
        Tensor (batch * views, *size, channels).
    """
    batch, *extent = images.shape[:3]
    views = centres.shape[0] // batch
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="SYMMETRIC")
    corners = []
    for end in (0.5, -0.5):
        for axis in (0, 1):
            count = size[axis] * samples
            # The outermost sample's centre, in the padded image's pixels; crop_and_resize takes
            # fractions of the distance between the first and the last pixel's centre.
            edge = centres[:, axis] - sides[:, axis] * (end - (end / count))
            corners.append((edge * extent[axis] + 0.5) / (extent[axis] + 1))
    boxes = tf.reshape(tf.stack(corners, -1), (batch, views, 4))
    sampled = [side * samples for side in size]
    # One call a view: the kernel adds the gradients of all boxes of an image in parallel without a lock, so that
    # boxes of one image in one call lose parts of their gradient at random (TensorFlow 2.20, CPU).
    crops = [
        tf.image.crop_and_resize(padded, boxes[:, view], tf.range(batch), sampled, extrapolation_value=OUTSIDE)
        for view in range(views)
    ]
    crops = tf.reshape(tf.stack(crops, axis=1), (batch * views, *sampled, images.shape[-1]))
    return tf.nn.avg_pool2d(crops, samples, samples, "VALID") if samples > 1 else crops


def crop_by_matrices(images, centres, sides, size, samples=1):
    """The same crops as two batched matrix products: compiles under XLA, and is deterministic on a GPU.

    Arguments and result are those of `crop_by_gathering`.
    """
    batch = images.shape[0]
    rows, columns = (
        _weights(centres[:, axis], sides[:, axis], images.shape[1 + axis], size[axis], samples) for axis in (0, 1)
    )
    views = centres.shape[0] // batch
    rows, columns = (tf.reshape(weights, (batch, views, *weights.shape[1:])) for weights in (rows, columns))
    return tf.reshape(apply_matrices(images, rows, columns), (batch * views, *size, images.shape[-1]))


def _weights(centres, sides, extent, size, samples):
    """Bilinear weights (crops, size, extent) of every pixel of an axis in every pixel of the crops."""
    count = size * samples
    offsets = (tf.range(count, dtype=tf.float32) + 0.5) / count - 0.5
    positions = (centres[:, None] + sides[:, None] * offsets) * extent - 0.5
    reached = tf.cast((positions >= -1.0) & (positions <= extent), tf.float32)
    positions = tf.clip_by_value(positions, 0.0, extent - 1.0)
    distances = tf.abs(positions[..., None] - tf.range(extent, dtype=tf.float32))
    weights = tf.nn.relu(1.0 - distances) * reached[..., None]
    return tf.reduce_mean(tf.reshape(weights, (-1, size, samples, extent)), axis=2)
