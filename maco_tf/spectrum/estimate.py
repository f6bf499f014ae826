"""Estimates a magnitude from the user's images."""

from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_flag, check_integer, check_size
from maco_tf.images.image_set import Images, ImageSet
from maco_tf.spectrum.colour import from_image
from maco_tf.spectrum.magnitude import Magnitude
from maco_tf.spectrum.periodic import smooth_spectrum


def estimate_magnitude(
    images: Images,
    *,
    size: int | tuple[int, int] | None = None,
    batch_size: int = 32,
    channels: int = 3,
    decorrelate: bool = True,
    periodic: bool = True,
    verbose: int | Literal["auto"] = "auto",
) -> Magnitude:
    """Average |rfft2| and the mean over images, in the space in which MACO uses them (see `from_image`).

    Images are read once, batch by batch, so the memory needed does not grow with their number.

    Args:
        images: array (count, height, width, channels) with any number of channels; integers lie in [0, 255],
            floating-point values in [0, 1]. Or a list, a folder, or a `tf.data.Dataset` of images or of tuples that
            start with them, such as `(images, labels)`; see `ImageSet`.
        size: `(height, width)` to which images are resized, pixels, or one number for both. Required if the images
            have different sizes. `None` keeps their size.
        batch_size: number of images read at once from an array.
        channels: number of channels of the model. Files are read as grey for 1, and as red, green and blue otherwise;
            arrays keep the channels that they have.
        decorrelate: whether the magnitude is that of decorrelated colours, which MACO uses by default; otherwise it is
            that of red, green and blue, for `MacoVisualizer(decorrelate=False)`.
        periodic: whether the jump between opposite borders is taken away first (Moisan, 2011; see
            `periodic.periodic_spectrum`). A Fourier transform sees this jump as a strong edge, so that the magnitude of
            photographs has a cross on its axes, which random phases turn into plaid. `False` is |rfft2| of the images
            as they are, for images that are periodic, such as those of MACO, or whose own magnitude is wanted.
        verbose: 0 is silent; 1 or "auto" shows progress.

    Returns:
        A `Magnitude` with a known mean.

    Raises:
        ValueError: there is no image, the images have different sizes and `size` is missing, values lie outside the
            range, or an argument has another form.
    """
    size = None if size is None else check_size("size", size)
    batch_size = check_integer("batch_size", batch_size, 1)
    channels = check_integer("channels", channels, 1)
    decorrelate, periodic = check_flag("decorrelate", decorrelate), check_flag("periodic", periodic)
    total: np.ndarray | float = 0.0
    mean: np.ndarray | float = 0.0
    count, done, image_shape = 0, 0, None
    progress = keras.utils.Progbar(None, unit_name="batch", verbose=1 if verbose == "auto" else verbose)
    for done, batch in enumerate(ImageSet(images, channels).batches(batch_size), start=1):
        if size is not None:
            batch = tf.image.resize(batch, size, antialias=True)
        if image_shape not in (None, batch.shape[1:]):
            raise ValueError(
                f'"images" must have one size. Received: {batch.shape[1:]} after {image_shape}. Pass "size" to resize '
                "them."
            )
        image_shape = batch.shape[1:]
        x = from_image(tf.constant(batch), decorrelate=decorrelate).numpy()
        spectrum = np.fft.rfft2(x, axes=(1, 2))
        # The periodic component has the mean of the image.
        total = total + np.abs(spectrum - smooth_spectrum(x) if periodic else spectrum).sum(axis=0, dtype="float64")
        # The sum over the pixels, with its sign. Its absolute value is what `total` holds.
        mean = mean + spectrum[:, 0, 0].real.sum(axis=0, dtype="float64")
        count += len(spectrum)
        progress.update(done)
    if image_shape is None or not count:
        raise ValueError('"images" must hold at least one image. Received: none.')
    progress.update(done, finalize=True)  # Ends the line.
    height, width = image_shape[:2]
    values = np.moveaxis(np.asarray(total) / count, -1, 0)
    return Magnitude(values, width, np.asarray(mean) / (count * height * width), decorrelate)
