"""Gaussian blur."""

import tensorflow as tf

from maco_tf.checks import check_integer
from maco_tf.transforms.crop_sampling import apply_matrices
from maco_tf.transforms.distribution import as_range, extremes
from maco_tf.transforms.transform import Transform

# As in xplique. Narrower kernels of odd size change nothing already, and zero would divide by zero.
_SMALLEST = 0.1


class GaussianBlur(Transform):
    """Blur each image, every channel alike, by a normalised Gaussian kernel of a width of its own.

    Beyond the border the image is mid-grey.

    Args:
        size: rows and columns of the kernel. An even size moves the image by half a pixel to the top left, as
            "same" convolutions do.
        sigma: standard deviation, pixels: a pair `(low, high)`, uniform between; a sequence of one, three or more
            numbers, equally likely; a `Uniform`, `Normal` or `Choice`, whose parameters may change over the run; a
            number or a callable of the step. Not negative; less than 0.1 counts as 0.1.

    Raises:
        ValueError: an argument is none of these.
    """

    def __init__(self, size, sigma):
        super().__init__()
        self.size = check_integer("size", size, 1)
        self.sigma = as_range("sigma", sigma)
        if any(low < 0 for low, _ in extremes(self.sigma)):
            raise ValueError(f'"sigma" must not be negative. Received: {sigma!r}.')

    def draw(self, views, step=0, steps=1):
        return (tf.maximum(self.sigma.sample((views, 1), self.seed_generator, step, steps), _SMALLEST),)

    def apply(self, images, draws):
        rows, columns = (self._matrices(*draws, side) for side in images.shape[1:3])
        return apply_matrices(images, rows, columns)[:, 0]

    def _matrices(self, sigma, side):
        """The kernel in every row of a matrix (batch, 1, side, side), centred on the diagonal."""
        taps = _gaussian(tf.range(self.size, dtype=tf.float32) - (self.size - 1) / 2, sigma)
        # An even kernel has its middle between the pixel and the next.
        half = 0.0 if self.size % 2 else 0.5
        pixels = tf.range(side, dtype=tf.float32)
        distances = pixels[None, :] - pixels[:, None] - half
        weights = tf.where(tf.abs(distances) < self.size / 2, _gaussian(distances, sigma[..., None]), 0.0)
        return (weights / tf.reduce_sum(taps, axis=1)[:, None, None])[:, None]

    def __repr__(self):
        return f"GaussianBlur(size={self.size}, sigma={self.sigma!r})"


def _gaussian(distances, sigma):
    return tf.exp(-0.5 * (distances / sigma) ** 2)
