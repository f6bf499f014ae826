"""Other sizes: to the model's input, and zoom."""

import tensorflow as tf

from maco_tf.checks import check_size
from maco_tf.transforms.crop_sampling import apply_matrices, crop_by_matrices
from maco_tf.transforms.distribution import as_range, extremes
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
        self.size = check_size("size", size)
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


# An image at one twentieth of its side holds too few pixels to mean anything (as the smallest crop).
_SMALLEST = 0.05


class RandomScale(Transform):
    """Zoom each image about its centre by a factor of its own, bilinearly.

    The image keeps its size: above 1 its margins are lost, below 1 mid-grey fills what is beyond them. (Lucid's
    changes the image's size, which resizing to a fixed input undoes; here sizes are known before the run.)

    Args:
        scales: factors, above 0: a pair `(low, high)`, uniform between; a sequence of one, three or more numbers,
            equally likely; a `Uniform`, `Normal` or `Choice`, whose parameters may change over the run; a number or a
            callable of the step. Factors drawn below 0.05 count as 0.05.

    Raises:
        ValueError: `scales` is none of these, or not above 0.
    """

    def __init__(self, scales):
        super().__init__()
        self.scales = as_range("scales", scales)
        if any(low <= 0 for low, _ in extremes(self.scales)):
            raise ValueError(f'"scales" must be above 0. Received: {scales!r}. 1 is the image as it is.')

    def draw(self, views, step=0, steps=1):
        return (tf.maximum(self.scales.sample((views, 1), self.seed_generator, step, steps), _SMALLEST),)

    def apply(self, images, draws):
        (scales,) = draws
        batch, *size = images.shape[:3]
        # The image at twice its size is the crop of half its sides.
        sides = tf.repeat(1.0 / scales, 2, axis=1)
        return crop_by_matrices(images, tf.fill((batch, 2), 0.5), sides, size)

    def __repr__(self):
        return f"RandomScale(scales={self.scales!r})"
