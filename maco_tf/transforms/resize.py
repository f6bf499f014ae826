"""To the size of the model's input."""

import tensorflow as tf

from maco_tf.transforms.separable import apply_matrices
from maco_tf.transforms.sizes import as_size
from maco_tf.transforms.transform import Transform


class Resize(Transform):
    """Resize images bilinearly, as `tf.image.resize` does, in a form that compiles under XLA.

    Args:
        size: `(height, width)`, pixels, or one number for both.
        antialias: whether shrinking averages over all pixels of the image; otherwise over two by two, which lets the
            optimisation hide in frequencies that only this sampling shows the model.

    Raises:
        ValueError: an argument is none of these.
    """

    def __init__(self, size, antialias=True):
        super().__init__()
        self.size = as_size("size", size)
        if not isinstance(antialias, bool):
            raise ValueError(f'"antialias" must be True or False. Received: {antialias!r}.')
        self.antialias = antialias

    def apply(self, images, draws):
        # Enlarging does not alias.
        antialias = self.antialias and any(new < side for new, side in zip(self.size, images.shape[1:3]))
        if antialias or tf.config.list_logical_devices("GPU"):
            return resize_by_matrices(images, self.size, antialias)
        # Ten times as fast on a CPU; on a GPU its gradient adds in no fixed order.
        return tf.image.resize(images, self.size)

    def __repr__(self):
        return f"Resize(size={self.size}, antialias={self.antialias})"


def resize_by_matrices(images, size, antialias):
    """Resize as `tf.image.resize` does, whose antialiasing kernel has no XLA form.

    Args:
        images: tensor (batch, height, width, channels), float32.
        size: `(height, width)`, pixels.
        antialias: whether shrinking averages.

    Returns:
        Tensor (batch, *size, channels).
    """
    batch = images.shape[0]
    rows, columns = (_matrix(side, new, antialias) for side, new in zip(images.shape[1:3], size))
    rows, columns = (tf.broadcast_to(matrix, (batch, 1, *matrix.shape)) for matrix in (rows, columns))
    return apply_matrices(images, rows, columns)[:, 0]


def _matrix(side, new, antialias):
    """Weights (new, side) of an axis's pixels in those of the resized one: the identity, resized."""
    with tf.init_scope():
        resized = tf.image.resize(tf.eye(side)[None, :, :, None], (new, side), antialias=antialias)
        weights = resized[0, :, :, 0].numpy()
    return tf.constant(weights)
