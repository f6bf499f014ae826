"""An image of any size, brought to the size of a network's input."""

import cv2
import numpy as np

from maco_tf.checks import check_choice

FITS = ("cover", "stretch", "crop")


def fit_image(image: np.ndarray, height: int, width: int, *, fit: str = "cover") -> np.ndarray:
    """Bring an image to a size.

    Shrinking averages the pixels that fall together (OpenCV's INTER_AREA), so that no frequency is aliased: the way
    images are resized changes the value of a score (Parmar et al., 2022, arXiv:2104.11222). Enlarging is bilinear.

    Args:
        image: array (image height, image width, channels), float32 in [0, 1].
        height: pixels.
        width: pixels.
        fit: "cover" resizes the largest centred part that has the wanted proportions. "stretch" resizes the whole
            image and ignores its proportions. "crop" takes the centre without resizing; an image that is too small is
            enlarged first.

    Returns:
        Array (height, width, channels), float32 in [0, 1].

    Raises:
        ValueError: `fit` is not one of these.
    """
    check_choice("fit", fit, FITS)
    if fit != "stretch":
        # The number of image pixels that become one pixel of the result, along either axis.
        scale = min(image.shape[0] / height, image.shape[1] / width)
        scale = min(scale, 1.0) if fit == "crop" else scale
        image = _centre(image, max(round(height * scale), 1), max(round(width * scale), 1))
    return _resize(image, height, width)


def _centre(image: np.ndarray, height: int, width: int) -> np.ndarray:
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def _resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    # INTER_AREA averages only along axes that shrink, and OpenCV resizes at most four channels at once.
    shrunk = min(height, image.shape[0]), min(width, image.shape[1])
    for size, interpolation in ((shrunk, cv2.INTER_AREA), ((height, width), cv2.INTER_LINEAR)):
        if image.shape[:2] != size:
            groups = map(np.ascontiguousarray, np.split(image, range(4, image.shape[2], 4), axis=2))
            resized = [cv2.resize(group, size[::-1], interpolation=interpolation) for group in groups]
            # OpenCV drops the last axis of a one-channel image.
            image = np.concatenate([part.reshape(*size, -1) for part in resized], axis=2)
    return image
