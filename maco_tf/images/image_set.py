"""A set of images in any form, read one at a time: an array, a list, files, a folder or a dataset."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from maco_tf.checks import unit_range
from maco_tf.images.decoding import from_pillow, is_pillow_image, read_image_file
from maco_tf.images.image_files import image_files, warn_of_damaged

# Every form of images that `ImageSet` reads. Images of Pillow are `Any`, because Pillow need not be installed.
Images: TypeAlias = (
    np.ndarray
    | tf.Tensor
    | Sequence[np.ndarray | tf.Tensor | str | os.PathLike[str] | Any]
    | str
    | os.PathLike[str]
    | tf.data.Dataset
)

_READ_AT_ONCE = 32


class ImageSet:
    """Images of any sizes, read one after the other and never all held in memory.

    Args:
        images: one of the following. Integers lie in [0, 255], floating-point values in [0, 1].

            - an array (count, height, width, channels), or one image (height, width, channels) of 1, 3 or 4 channels;
            - an image of Pillow, or the path of an image file;
            - a list of arrays (height, width, channels) of any sizes, of images of Pillow, or of paths;
            - a folder: every image in it is read, see `image_files`;
            - a finite `tf.data.Dataset` whose elements are images, batches of images, or tuples that start with either;
            - another `ImageSet`.
        channels: number of channels of the model. Files and images of Pillow are read as grey for 1 and as red, green
            and blue otherwise. Arrays keep the channels they have.
        strict: whether a file that cannot be read is an error. Otherwise it is left out, and a warning lists such
            files when all images are read. `None` is strict for lists, whose order matters, and not for folders.
        name: the argument's name, for errors.

    Raises:
        ValueError: `images` is something else, a folder without images, or a dataset without end.
    """

    def __init__(
        self, images: "Images | ImageSet", channels: int = 3, *, strict: bool | None = None, name: str = "images"
    ) -> None:
        self._name, self._channels = name, 1 if channels == 1 else 3
        self._strict = True if strict is None else strict
        if isinstance(images, ImageSet):
            self._strict = images._strict if strict is None else strict
            images = images._images
        if isinstance(images, np.ndarray) and _holds_items(images):
            images = images.tolist()
        if isinstance(images, str | os.PathLike) and os.path.isdir(images):
            self._strict = False if strict is None else strict
            images = image_files(images)
        elif isinstance(images, str | os.PathLike):
            if not Path(images).exists():
                raise ValueError(f'"{name}" must name a file or a folder that exists. Received: {str(images)!r}.')
            images = [images]
        elif is_pillow_image(images):
            images = [images]
        elif isinstance(images, tf.data.Dataset):
            if int(images.cardinality()) == tf.data.INFINITE_CARDINALITY:
                raise ValueError(
                    f'"{name}" must be finite. Received: a tf.data.Dataset without end. Leave out repeat(), or take a '
                    "part: dataset.take(count)."
                )
        elif isinstance(images, Iterator):
            raise ValueError(
                f'"{name}" must be images that can be read more than once. Received: {type(images).__name__}. Make a '
                "list of it, list(images), or a dataset, tf.data.Dataset.from_generator(...)."
            )
        elif not _is_listed(images):
            images = self._as_array(images)
        self._images: Any = images
        self._warned = False

    @property
    def count(self) -> int | None:
        """Number of images, damaged files included; `None` for a dataset, which may not know its length."""
        return None if isinstance(self._images, tf.data.Dataset) else len(self._images)

    @property
    def items(self) -> Any:
        """The images in one of three forms: a list of arrays, paths and images of Pillow; an array; or a dataset."""
        return self._images

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield arrays (height, width, channels), float32 in [0, 1]."""
        if not isinstance(self._images, list | tuple):
            for batch in self.batches(_READ_AT_ONCE):
                yield from batch
            return
        damaged = []
        for item in self._images:
            image = self.read(item)
            if image is None:
                damaged.append(item)
            else:
                yield image
        if not self._warned:
            self._warned = True
            warn_of_damaged(damaged)

    def batches(self, size: int) -> Iterator[np.ndarray]:
        """Read images in batches. A batch ends where the size of the images changes.

        Args:
            size: largest number of images in a batch. A dataset keeps its batches.

        Yields:
            Arrays (batch, height, width, channels), float32 in [0, 1].

        Raises:
            ValueError: the elements of a dataset are not images, or values lie outside their range.
        """
        if isinstance(self._images, tf.data.Dataset):
            for element in self._images:
                yield unit_range(self._name, self._batch_of(element))
        elif not isinstance(self._images, list | tuple):
            for start in range(0, len(self._images), size):
                yield unit_range(self._name, self._images[start : start + size])
        else:
            batch: list[np.ndarray] = []
            for image in self:
                if batch and (len(batch) == size or image.shape != batch[0].shape):
                    yield np.stack(batch)
                    batch = []
                batch.append(image)
            if batch:
                yield np.stack(batch)

    def digest(self) -> str:
        """A hash of the images' contents and their order. The names and dates of files do not matter.

        Returns:
            String of hexadecimal digits.

        Raises:
            ValueError: the images are a `tf.data.Dataset`.
        """
        if isinstance(self._images, tf.data.Dataset):
            raise ValueError(
                f'"{self._name}" must be an array, a list or a folder if features are cached. Received: a '
                'tf.data.Dataset, whose contents are unknown until it is read. Pass the folder, or leave out "cache".'
            )
        digest = hashlib.blake2b(digest_size=16)
        for image in self._images if isinstance(self._images, list | tuple) else [self._images]:
            if isinstance(image, str | os.PathLike):
                content = Path(image).read_bytes()
            else:
                image = from_pillow(image, self._channels) if is_pillow_image(image) else np.asarray(image)
                content = f"{image.dtype.str}{image.shape}".encode() + image.tobytes()
            digest.update(len(content).to_bytes(8, "little") + content)
        return digest.hexdigest()

    def _as_array(self, images: Any) -> np.ndarray:
        array = np.asarray(images)
        if array.ndim == 3 and array.shape[-1] in (1, 3, 4):
            return array[None]
        if array.ndim != 4:
            raise ValueError(
                f'"{self._name}" must be an array (count, height, width, channels), a list of images, an image file, a '
                f"folder or a tf.data.Dataset. Received: {type(images).__name__}, shape {array.shape}. Grey images "
                "need an axis of one channel: images[..., None]."
            )
        return array

    def _batch_of(self, element: Any) -> Any:
        batch = element[0] if isinstance(element, tuple | list) else element
        if not hasattr(batch, "shape") or len(batch.shape) not in (3, 4):
            raise ValueError(
                f'"{self._name}" must be a dataset of images (height, width, channels) or of batches of images. '
                f"Received: elements of type {type(batch).__name__}, shape {getattr(batch, 'shape', None)}. Map the "
                "dataset to its images first, as in dataset.map(lambda element: element['image'])."
            )
        return batch[None] if len(batch.shape) == 3 else batch

    def read(self, image: Any) -> np.ndarray | None:
        """Read one of `items`, if they are a list.

        Args:
            image: an array (height, width, channels), an image of Pillow, or the path of a file.

        Returns:
            Array (height, width, channels), float32 in [0, 1]; `None` for a damaged file that may be left out.

        Raises:
            ValueError: the item is something else, or a file cannot be read.
        """
        if is_pillow_image(image):
            return from_pillow(image, self._channels)
        if not isinstance(image, str | os.PathLike):
            image = np.asarray(image)
            if image.ndim != 3:
                raise ValueError(
                    f'"{self._name}" must be a list of arrays (height, width, channels) or of paths. Received: an item '
                    f"of shape {image.shape}. Grey images need an axis of one channel: image[..., None]."
                )
            return unit_range(self._name, image)
        try:
            pixels = read_image_file(Path(image), self._channels)
        except (OSError, ValueError) as error:
            if not self._strict:
                return None
            reason = "no such file" if isinstance(error, FileNotFoundError) else str(error)
            raise ValueError(
                f'"{self._name}" must be images, or files that can be read. Received: {str(image)!r}: {reason}'
            ) from error
        if pixels is None and self._strict:
            raise ValueError(
                f'"{self._name}" must be readable image files. Received: {image}, which is damaged or of a format that '
                "OpenCV cannot decode."
            )
        return pixels


def is_array(images: Any) -> bool:
    """Whether images are one array, or nested lists of numbers, rather than another form that `ImageSet` reads."""
    if isinstance(images, np.ndarray):
        return not _holds_items(images)
    others = str | os.PathLike | tf.data.Dataset | Iterator | ImageSet
    return not (isinstance(images, others) or is_pillow_image(images) or (_is_listed(images) and len(images) > 0))


def _is_listed(images: Any) -> bool:
    """Whether images come as a list of arrays, files or images of Pillow."""
    return isinstance(images, list | tuple) and all(
        isinstance(item, str | os.PathLike) or hasattr(item, "shape") or is_pillow_image(item) for item in images
    )


def _holds_items(array: np.ndarray) -> bool:
    """Whether an array holds names of files, or images of different sizes, instead of values of pixels."""
    return array.ndim == 1 and array.dtype.kind in "OU"
