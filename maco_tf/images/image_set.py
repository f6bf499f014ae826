"""A set of images that is read one image at a time: an array, a list, a folder or a dataset."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import cv2
import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import unit_range
from maco_tf.images.image_batches import image_batches

# Every form of images that `ImageSet` reads.
Images: TypeAlias = (
    np.ndarray
    | tf.Tensor
    | Sequence[np.ndarray | tf.Tensor | str | os.PathLike[str]]
    | str
    | os.PathLike[str]
    | tf.data.Dataset
)

_READ_AT_ONCE = 32

# The endings that `keras.utils.image_dataset_from_directory` reads.
IMAGE_ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


class ImageSet:
    """Images of any sizes, read one after the other and never all held in memory.

    Args:
        images: an array (count, height, width, channels); a list of arrays (height, width, channels) of any sizes, or
            of paths of image files; a folder, in which case every image in it is read, in the order of
            `keras.utils.image_dataset_from_directory`; or a `tf.data.Dataset` whose elements are images, batches of
            images, or tuples that start with either. Integers lie in [0, 255], floating-point values in [0, 1].
        channels: 1 or 3, the number of channels with which files are read. Arrays keep the channels they have.

    Raises:
        ValueError: `images` is something else, or a folder without images.
    """

    def __init__(self, images: Images, channels: int = 3) -> None:
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
    def count(self) -> int | None:
        """Number of images; `None` for a dataset, which may not know its length."""
        return None if isinstance(self._images, tf.data.Dataset) else len(self._images)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield arrays (height, width, channels), float32 in [0, 1]."""
        if self._listed:
            yield from map(self._read, self._images)
            return
        for batch in image_batches(self._images, _READ_AT_ONCE):
            yield from unit_range("images", batch)

    def digest(self) -> str:
        """A hash of the images' contents and their order. The names and dates of files do not matter.

        Returns:
            String of hexadecimal digits.

        Raises:
            ValueError: the images are a `tf.data.Dataset`.
        """
        if isinstance(self._images, tf.data.Dataset):
            raise ValueError(
                '"images" must be an array, a list or a folder if features are cached. Received: a tf.data.Dataset, '
                'whose contents are unknown until it is read. Pass the folder, or leave out "cache".'
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

    def _read(self, image: np.ndarray | tf.Tensor | str | os.PathLike[str]) -> np.ndarray:
        if not isinstance(image, str | os.PathLike):
            image = np.asarray(image)
            if image.ndim != 3:
                raise ValueError(
                    '"images" must be a list of arrays (height, width, channels) or of paths. Received: an item of '
                    f"shape {image.shape}. Grey images need an axis of one channel: image[..., None]."
                )
            return unit_range("images", image)
        mode = cv2.IMREAD_GRAYSCALE if self._channels == 1 else cv2.IMREAD_COLOR
        # cv2.imread would refuse names beyond ASCII on Windows, and return None for a missing file.
        content = np.frombuffer(Path(image).read_bytes(), "uint8")
        pixels = cv2.imdecode(content, mode) if len(content) else None
        if pixels is None:
            raise ValueError(f'"images" must be readable image files. Received: {image}, which OpenCV cannot decode.')
        pixels = pixels[..., None] if self._channels == 1 else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
        return pixels.astype("float32") / 255


def image_files(folder: str | os.PathLike[str]) -> list[str]:
    """The image files in a folder and its subfolders.

    Args:
        folder: the folder.

    Returns:
        List of paths in the order of `keras.utils.image_dataset_from_directory`: folder by folder, sorted by name.

    Raises:
        ValueError: the folder does not exist or has no image in it.
    """
    if not Path(folder).is_dir():
        raise ValueError(f'"images" must name a folder that exists. Received: {str(folder)!r}.')
    listing = keras.utils.image_dataset_from_directory(
        str(folder), labels=None, batch_size=None, shuffle=False, follow_links=True, verbose=False
    )
    return list(listing.file_paths)


def class_of_file(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> str:
    """The class of an image in a folder laid out like ImageNet: the name of the subfolder that holds the image.

    Args:
        path: path of the image file.
        folder: folder that holds one subfolder for every class.

    Returns:
        String, such as "n02110958".

    Raises:
        ValueError: the file does not lie in a subfolder.
    """
    parts = Path(path).relative_to(folder).parts
    if len(parts) < 2:
        raise ValueError(
            '"folder" must hold one subfolder for every class, such as "n02110958/image.jpg". Received: '
            f"{path}, outside any subfolder."
        )
    return parts[0]
