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

    def __call__(self, images, step=0, steps=1):
        sides = images.shape[1:3]
        if not self.antialias or all(new >= side for new, side in zip(self.size, sides)):
            # Enlarging does not alias.
            return tf.image.resize(images, self.size)
        # The antialiasing kernel of tf.image.resize has no XLA form. It maps each axis by a matrix, which it gives
        # itself: the identity, resized.
        rows, columns = (_matrix(side, new) for side, new in zip(sides, self.size))
        batch = images.shape[0]
        rows, columns = (tf.broadcast_to(matrix, (batch, 1, *matrix.shape)) for matrix in (rows, columns))
        return apply_matrices(images, rows, columns)[:, 0]

    def __repr__(self):
        return f"Resize(size={self.size}, antialias={self.antialias})"


def _matrix(side, new):
    """Weights (new, side) of an axis's pixels in those of the resized one."""
    with tf.init_scope():
        resized = tf.image.resize(tf.eye(side)[None, :, :, None], (new, side), antialias=True)
        weights = resized[0, :, :, 0].numpy()
    return tf.constant(weights)
