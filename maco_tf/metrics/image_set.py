"""A set of images that can be read image by image: an array, a folder, a dataset."""

import hashlib
import os
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import unit_range
from maco_tf.spectrum.image_batches import image_batches

_READ_AT_ONCE = 32

# What `keras.utils.image_dataset_from_directory` reads.
IMAGE_ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


class ImageSet:
    """Images of any sizes, read one after the other and never held together.

    Args:
        images: array (count, height, width, channels); a list of arrays (height, width, channels) of any sizes or of
            paths of image files; a folder, of which every image is read, in the order of
            `keras.utils.image_dataset_from_directory`; or a `tf.data.Dataset` of images or of batches, alone or first
            in a tuple. Integers count from 0 to 255, floating-point values lie in [0, 1].
        channels: 1 or 3, as which files are read; arrays keep their own.

    Raises:
        ValueError: `images` is something else, or a folder without images.
    """

    def __init__(self, images, channels=3):
        if isinstance(images, str | os.PathLike):
            images = image_files(images)
        self._listed = isinstance(images, list | tuple)
        if not self._listed and not isinstance(images, tf.data.Dataset):
            images = np.asarray(images)
            if images.ndim != 4:
                raise ValueError(
                    '"images" must be an array (count, height, width, channels), a list of images, a folder or a '
                    f"tf.data.Dataset. Received: shape {images.shape}. Grey images need an axis of one channel: "
                    "images[..., None]."
                )
        self._images = images
        self._channels = channels

    @property
    def count(self):
        """Number of images; `None` for a dataset, which may not know."""
        return None if isinstance(self._images, tf.data.Dataset) else len(self._images)

    def __iter__(self):
        """Yield arrays (height, width, channels), float32 in [0, 1]."""
        if self._listed:
            yield from map(self._read, self._images)
            return
        for batch in image_batches(self._images, _READ_AT_ONCE):
            yield from unit_range("images", batch)

    def digest(self):
        """A hash of the images' contents and order; names and dates of files do not enter.

        Returns:
            String of hexadecimal digits.

        Raises:
            ValueError: the images are a `tf.data.Dataset`.
        """
        if isinstance(self._images, tf.data.Dataset):
            raise ValueError(
                '"images" must be an array or a folder where features are cached. Received: a tf.data.Dataset, whose '
                'contents are not known before they are read. Give the folder, or leave "cache" out.'
            )
        digest = hashlib.blake2b(digest_size=16)
        for image in self._images if self._listed else [self._images]:
            if isinstance(image, str | os.PathLike):
                content = Path(image).read_bytes()
            else:
                image = np.asarray(image)
                content = f"{image.dtype.str}{image.shape}".encode() + image.tobytes()
            digest.update(len(content).to_bytes(8, "little") + content)
        return digest.hexdigest()

    def _read(self, image):
        if not isinstance(image, str | os.PathLike):
            image = np.asarray(image)
            if image.ndim != 3:
                raise ValueError(
                    '"images" must be a list of arrays (height, width, channels) or of paths. Received: an item of '
                    f"shape {image.shape}. Grey images need an axis of one channel: image[..., None]."
                )
            return unit_range("images", image)
        mode = cv2.IMREAD_GRAYSCALE if self._channels == 1 else cv2.IMREAD_COLOR
        # Not cv2.imread, which takes no names beyond ASCII on Windows and returns None for a missing file too.
        content = np.frombuffer(Path(image).read_bytes(), "uint8")
        pixels = cv2.imdecode(content, mode) if len(content) else None
        if pixels is None:
            raise ValueError(f'"images" must be readable image files. Received: {image}, which OpenCV cannot decode.')
        pixels = pixels[..., None] if self._channels == 1 else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
        return pixels.astype("float32") / 255


def image_files(folder):
    """The image files of a folder and of the folders in it.

    Args:
        folder: a folder.

    Returns:
        List of paths as `keras.utils.image_dataset_from_directory` orders them: folder by folder, by name.

    Raises:
        ValueError: no such folder, or no image in it.
    """
    if not Path(folder).is_dir():
        raise ValueError(f'"images" must name a folder that exists. Received: {str(folder)!r}.')
    listing = keras.utils.image_dataset_from_directory(
        str(folder), labels=None, batch_size=None, shuffle=False, follow_links=True, verbose=False
    )
    return list(listing.file_paths)


def class_of_file(path, folder):
    """The class of an image in a folder laid out as ImageNet's: the name of the first folder below it.

    Args:
        path: the image file's path.
        folder: the folder that holds a folder a class.

    Returns:
        String, such as "n02110958".

    Raises:
        ValueError: the file lies in no class's folder.
    """
    parts = Path(path).relative_to(folder).parts
    if len(parts) < 2:
        raise ValueError(
            f'"folder" must hold a folder for each class, as ImageNet\'s "n02110958/image.jpg". Received: {path}, '
            "which lies in none."
        )
    return parts[0]
