"""A set of images that can be streamed in order, and read again one by one."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from maco_tf.checks import unit_range
from maco_tf.exemplars.class_labels import check_labels, folder_labels
from maco_tf.exemplars.image_stream import element_rank, fit_stream, has_classes, map_images, single_elements
from maco_tf.images.fitting import check_channels, fit_images
from maco_tf.images.image_files import warn_of_damaged
from maco_tf.images.image_set import Images, ImageSet

# Number of images whose pixels enter the digest of an array or a list of arrays.
_DIGESTED = 64


class Batch(NamedTuple):
    """Images on their way to the model.

    Attributes:
        images: tensor (batch, height, width, channels), float32 in [0, 1].
        indices: array (batch,), int64: the positions of the images in their source.
        labels: array (batch,), int64: the numbers of their classes; -1 where a class is unknown.
    """

    images: tf.Tensor
    indices: np.ndarray
    labels: np.ndarray


class ImageSource:
    """Images in any form, each with an index that depends on nothing but its position.

    Args:
        images: a folder (flat, or with one subfolder for every class, as ImageNet has it), a list of paths, an array, a
            list of arrays or of images of Pillow, or a finite `tf.data.Dataset` of images, of batches, or of tuples
            `(image, class)`; see `ImageSet`. A dataset must give its images in the same order every time.
        channels: number of channels of the model; see `ImageSet`.
        labels: the classes of the images. A sequence has a class number for each image; -1 is unknown. A dictionary
            maps the names of a folder's subfolders to class numbers. `None` numbers the subfolders in the order of
            their names, as Keras does; if all of them are WordNet numbers of ImageNet's 1,000 classes, the labels are
            those of its classifiers. A dataset brings its own.
        name: the argument's name, for errors.

    Attributes:
        channels: number of channels of the model.
        paths: list of the files' paths; `None` if the images are not files.
        labels: array (count,), int64; `None` if no class is known before the images are read.
        classes: list of the names of the classes, by their number; `None` if they have none.
        damaged: dictionary, index -> path of the files that were left out because they cannot be decoded. It grows as
            images are read.

    Raises:
        ValueError: `images` or `labels` are something else.
    """

    channels: int
    paths: list[str] | None
    labels: np.ndarray | None
    classes: list[str] | None
    damaged: dict[int, str]

    def __init__(
        self,
        images: "Images | ImageSet",
        channels: int = 3,
        *,
        labels: Sequence[int] | np.ndarray | Mapping[str, int] | None = None,
        name: str = "images",
    ) -> None:
        self._name, self.channels = name, channels
        # The index of an image does not change if another file is damaged, so files of a list may be left out, too.
        self._reader = ImageSet(images, channels, strict=False, name=name)
        self._items = self._reader.items
        if isinstance(self._items, np.ndarray):
            check_channels(name, self._items, channels)
        files = isinstance(self._items, list) and all(isinstance(item, str | os.PathLike) for item in self._items)
        self.paths = [os.fspath(path) for path in self._items] if files else None
        self.damaged = {}
        folder = images if isinstance(images, str | os.PathLike) and os.path.isdir(images) else None
        if folder is not None and self.paths is not None and (labels is None or isinstance(labels, Mapping)):
            self.labels, self.classes = folder_labels(self.paths, folder, labels)
        else:
            count = None if isinstance(self._items, tf.data.Dataset) else len(self._items)
            self.labels, self.classes = check_labels(labels, count), None
        if self.count == 0:
            raise ValueError(f'"{name}" must hold at least one image. Received: none.')

    @classmethod
    def of_files(cls, paths: Mapping[int, str], channels: int = 3) -> "ImageSource":
        """A source of some files of a larger one, which keep their indices. It can be read, but not streamed.

        Args:
            paths: dictionary, index -> path.
            channels: see `ImageSource`.
        """
        source = cls.__new__(cls)
        source._name, source.channels = "images", channels
        source._reader = ImageSet([], channels, strict=False)
        source._items, source.paths = dict(paths), None
        source.labels = source.classes = None
        source.damaged = {}
        return source

    @property
    def labelled(self) -> bool:
        """Whether images have classes."""
        if isinstance(self._items, tf.data.Dataset):
            return has_classes(self._items)
        return self.labels is not None and bool((self.labels >= 0).any())

    def classes_to_count(self) -> int | None:
        """The number of classes as far as it is known; `None` if no image has a class."""
        if not self.labelled:
            return None
        highest = -1 if self.labels is None else int(self.labels.max())
        return max(highest + 1, len(self.classes or ()))

    @property
    def is_partial(self) -> bool:
        """Whether this source holds only some files of a larger one."""
        return isinstance(self._items, dict)

    def joined(self, other: "ImageSource") -> "ImageSource":
        """The files of two partial sources."""
        return ImageSource.of_files({**self._items, **other._items}, self.channels)

    @property
    def count(self) -> int | None:
        """Number of images, damaged files included; `None` for a dataset that does not know its length."""
        if not isinstance(self._items, tf.data.Dataset):
            return len(self._items)
        known = int(self._items.cardinality())
        return known if known >= 0 and element_rank(self._items) == 3 else None

    def path(self, index: int) -> str | None:
        """The path of an image; `None` if it is not a file, or not one of this source."""
        if isinstance(self._items, dict):
            return self._items.get(index)
        return self.paths[index] if self.paths is not None and 0 <= index < len(self.paths) else None

    def read(self, indices: Sequence[int] | np.ndarray, size: Sequence[int] | None = None) -> list[np.ndarray]:
        """Read images by their indices. A dataset is read up to the last of them.

        Args:
            indices: integers.
            size: `(height, width)` to which each image is fitted, as the model sees it; see `fit_images`. `None` keeps
                its size.

        Returns:
            List of arrays (height, width, channels), float32 in [0, 1].

        Raises:
            ValueError: there is no such image, or its file can no longer be read.
        """
        numbers = [int(index) for index in indices]
        found: dict[int, np.ndarray] = {}
        if isinstance(self._items, tf.data.Dataset):
            wanted = set(numbers)
            for index, (image, _) in enumerate(single_elements(self._items, self._name) if wanted else []):
                if index in wanted:
                    found[index] = self._checked(image.numpy())
                if len(found) == len(wanted):
                    break
        else:
            found = {index: image for index in set(numbers) if (image := self._read(index)) is not None}
        missing = sorted(set(numbers) - set(found))
        if missing:
            path = self.path(missing[0])
            which = f"image {missing[0]}" + (f", {path!r}" if path else "")
            raise ValueError(f'"{self._name}" must still hold every image that was found. Received: no {which}.')
        images = [found[index] for index in numbers]
        return images if size is None else [fit_images(image[None], size)[0] for image in images]

    def array(
        self, indices: np.ndarray, size: Sequence[int] | None = None, otherwise: Sequence[int] = (224, 224)
    ) -> np.ndarray:
        """Read images into one array.

        Args:
            indices: array of integers of any shape; -1 stands for a white image.
            size: see `read`.
            otherwise: the size to which images are fitted if `size` is `None` and their sizes differ.

        Returns:
            Array (*shape of the indices, height, width, channels), float32 in [0, 1].

        Raises:
            ValueError: see `read`.
        """
        indices = np.asarray(indices)
        wanted = np.unique(indices[indices >= 0])
        found = self.read(wanted, size)
        if len({image.shape for image in found}) > 1:
            found = [fit_images(image[None], otherwise)[0] for image in found]
        blank = np.ones(found[0].shape if found else (*(size or otherwise), self.channels), "float32")
        return np.stack([*found, blank])[np.where(indices >= 0, np.searchsorted(wanted, indices), len(found))]

    def batches(
        self, size: Sequence[int], batch_size: int = 32, *, start: int = 0, shard: tuple[int, int] = (0, 1)
    ) -> Iterator[Batch]:
        """Stream the images in the order of their indices, decoded and resized in parallel ahead of the model.

        Args:
            size: `(height, width)` to which each image is fitted, as the model sees it; see `fit_images`.
            batch_size: number of images in a batch; the last one may be smaller.
            start: index of the first image.
            shard: `(number, count)`: only the images whose index leaves this number when divided by the count.

        Yields:
            `Batch`. Damaged files are left out.

        Raises:
            ValueError: an image has another number of channels or values outside its range.
        """
        if isinstance(self._items, dict):
            raise ValueError(f'"{self._name}" must be all images. Received: some files of a saved result.')
        failures: list[Exception] = []
        first = start + (shard[0] - start) % shard[1]
        if isinstance(self._items, tf.data.Dataset):
            elements = single_elements(self._items, self._name).enumerate().skip(first).shard(shard[1], 0)
            loaded = map_images(elements, self._checked, (size[0], size[1]), failures)
        else:
            indices = tf.data.Dataset.range(first, len(self._items), shard[1])
            labels = tf.constant(np.full(len(self._items), -1) if self.labels is None else self.labels)
            numbered = indices.map(lambda index: (index, (index, tf.gather(labels, index))))
            loaded = map_images(numbered, self._read, (size[0], size[1]), failures)
        fitted = fit_stream(loaded, (size[0], size[1], self.channels))
        try:
            for images, indices, labels in fitted.batch(batch_size).prefetch(2):
                yield Batch(images, indices.numpy(), labels.numpy())
        except tf.errors.OpError:
            # An error in a Python function reaches the stream as text.
            if failures:
                raise failures[0] from None
            raise

    def digest(self) -> str:
        """A hash that tells this list of images from another, without reading all of them.

        Of files, the names within their common folder enter the hash, not the contents; of arrays, the shape and the
        pixels of 64 images; of a dataset, the types of its elements and its length.

        Returns:
            String of hexadecimal digits.
        """
        digest = hashlib.blake2b(digest_size=16)
        if self.paths is not None:
            paths = [os.path.abspath(path).replace(os.sep, "/") for path in self.paths]
            common = len(os.path.commonpath([os.path.dirname(path) for path in paths]))
            for path in paths:
                digest.update(path[common:].encode("utf-8", "surrogateescape") + b"\0")
        elif isinstance(self._items, tf.data.Dataset):
            digest.update(f"{self._items.element_spec}{int(self._items.cardinality())}".encode())
        else:
            digest.update(f"{len(self._items)}{getattr(self._items, 'dtype', '')}".encode())
            for index in np.unique(np.linspace(0, len(self._items) - 1, _DIGESTED).astype(int)):
                image = self._read(index)
                digest.update(b"" if image is None else f"{image.shape}".encode() + image.tobytes())
        return digest.hexdigest()

    def warn_of_damaged(self, indices: Sequence[int]) -> None:
        """Warn of files that were left out, if there are any.

        Args:
            indices: their indices.
        """
        warn_of_damaged([self.path(index) or f"image {index}" for index in indices])

    def _checked(self, image: Any) -> np.ndarray:
        """An image in [0, 1] with the model's number of channels."""
        image = unit_range(self._name, image)
        check_channels(self._name, image[None], self.channels)
        return image

    def _read(self, index: int) -> np.ndarray | None:
        """One image; `None` if there is none, or its file is damaged."""
        if isinstance(self._items, dict):
            item = self._items.get(index)
            return None if item is None else self._reader.read(item)
        if not 0 <= index < len(self._items):
            return None
        item = self._items[index]
        image = unit_range(self._name, item) if isinstance(self._items, np.ndarray) else self._reader.read(item)
        if image is None:
            self.damaged[int(index)] = os.fspath(item)
            return None
        check_channels(self._name, image[None], self.channels)
        return image
