"""A stream of images: decoded, cropped and resized in parallel by `tf.data`."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from maco_tf.images.fitting import centre_crop


def element_rank(dataset: tf.data.Dataset) -> int | None:
    """The number of axes of a dataset's images: 3, 4 for batches, or `None` if it is unknown."""
    spec = dataset.element_spec
    images = spec[0] if isinstance(spec, tuple | list) else spec
    return getattr(getattr(images, "shape", None), "rank", None)


def has_classes(dataset: tf.data.Dataset) -> bool:
    """Whether the second element of a dataset's tuples is the number of a class."""
    spec = dataset.element_spec
    second = spec[1] if isinstance(spec, tuple | list) and len(spec) > 1 else None
    rank = element_rank(dataset)
    return isinstance(second, tf.TensorSpec) and second.dtype.is_integer and rank == (second.shape.rank or 0) + 3


def single_elements(dataset: tf.data.Dataset, name: str = "images") -> tf.data.Dataset:
    """The images of a dataset one by one.

    Args:
        dataset: a dataset of images, of batches, or of tuples that start with them. A second element of integers is the
            number of the class.
        name: the argument's name, for the error.

    Returns:
        A dataset of `(image, label)`; the label is -1 where there is none.

    Raises:
        ValueError: the elements are something else.
    """
    rank, labelled = element_rank(dataset), has_classes(dataset)
    if rank not in (3, 4):
        raise ValueError(
            f'"{name}" must be a dataset of images (height, width, channels) or of batches of images. Received: '
            f"elements of the type {dataset.element_spec}. Map the dataset to its images first, as in "
            "dataset.map(lambda element: (element['image'], element['label']))."
        )

    def pair(*element: Any) -> tuple[tf.Tensor, tf.Tensor]:
        if labelled:
            return element[0], tf.cast(element[1], tf.int64)
        return element[0], tf.fill([] if rank == 3 else tf.shape(element[0])[:1], tf.constant(-1, tf.int64))

    pairs = dataset.map(pair)
    return pairs if rank == 3 else pairs.unbatch()


def map_images(
    numbered: tf.data.Dataset,
    read: Callable[[Any], np.ndarray | None],
    size: tuple[int, int],
    failures: list[Exception],
) -> tf.data.Dataset:
    """Read images and crop their centre, in parallel; the order does not change.

    Args:
        numbered: dataset of `(index, (item, label))`.
        read: function from an item, as an array, to an image (height, width, channels), float32 in [0, 1]; or to
            `None`, which leaves the image out.
        size: `(height, width)` whose proportions the crop has; see `centre_crop`.
        failures: list that gains the errors of `read`, which the stream only repeats as text.

    Returns:
        A dataset of `(image, readable, index, label)`.
    """

    def run(item: np.ndarray) -> tuple[np.ndarray, bool]:
        try:
            image = read(item)
        except Exception as error:
            failures.append(error)
            raise
        if image is None:
            return np.zeros((1, 1, 1), "float32"), False
        return np.ascontiguousarray(centre_crop(image[None], size)[0]), True

    def load(index: tf.Tensor, element: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, ...]:
        item, label = element
        image, readable = tf.numpy_function(run, [item], (tf.float32, tf.bool))
        return image, readable, index, label

    return numbered.map(load, num_parallel_calls=tf.data.AUTOTUNE)


def fit_stream(loaded: tf.data.Dataset, shape: tuple[int, int, int]) -> tf.data.Dataset:
    """Drop images that cannot be read, and fit the others to the model's input as `fit_images` does.

    Args:
        loaded: dataset of `(image, readable, index, label)`, of images that `centre_crop` has cut.
        shape: `(height, width, channels)`.

    Returns:
        A dataset of `(image, index, label)`.
    """

    def fit(image: tf.Tensor, readable: tf.Tensor, index: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, ...]:
        image.set_shape((None, None, shape[2]))
        resized = tf.cond(
            tf.reduce_all(tf.shape(image)[:2] == shape[:2]),
            lambda: image,
            lambda: tf.clip_by_value(tf.image.resize(image, shape[:2], antialias=True), 0.0, 1.0),
        )
        return tf.ensure_shape(resized, shape), index, label

    kept = loaded.filter(lambda image, readable, index, label: readable)
    return kept.map(fit, num_parallel_calls=tf.data.AUTOTUNE)
