"""Images of any size to a network's input."""

import cv2
import numpy as np

FITS = ("cover", "stretch", "crop")


def fit_image(image, height, width, *, fit="cover"):
    """Bring an image to a size.

    Shrinking averages the pixels that fall together (OpenCV's INTER_AREA), so that no frequency is aliased; how a
    metric's images are resized alone moves its value (Parmar et al., 2022, arXiv:2104.11222). Enlarging is bilinear.

    Args:
        image: array (image height, image width, channels), float32 in [0, 1].
        height: pixels.
        width: pixels.
        fit: "cover" resizes the largest centred part of the wanted proportions; "stretch" resizes the whole image,
            whatever its proportions; "crop" takes the centre as it is, and enlarges only an image that is too small.

    Returns:
        Array (height, width, channels), float32 in [0, 1].

    Raises:
        ValueError: `fit` is none of these.
    """
    if fit not in FITS:
        raise ValueError(f'"fit" must be one of {", ".join(map(repr, FITS))}. Received: {fit!r}.')
    if fit != "stretch":
        # Pixels of the image that become one pixel of the result.
        scale = min(image.shape[0] / height, image.shape[1] / width)
        scale = min(scale, 1.0) if fit == "crop" else scale
        image = _centre(image, max(round(height * scale), 1), max(round(width * scale), 1))
    return _resize(image, height, width)


def _centre(image, height, width):
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def _resize(image, height, width):
    # INTER_AREA is an average only along axes that shrink, and takes at most four channels.
    shrunk = min(height, image.shape[0]), min(width, image.shape[1])
    for size, interpolation in ((shrunk, cv2.INTER_AREA), ((height, width), cv2.INTER_LINEAR)):
        if image.shape[:2] != size:
            groups = map(np.ascontiguousarray, np.split(image, range(4, image.shape[2], 4), axis=2))
            resized = [cv2.resize(group, size[::-1], interpolation=interpolation) for group in groups]
            # OpenCV drops an axis of one channel.
            image = np.concatenate([part.reshape(*size, -1) for part in resized], axis=2)
    return image
