"""From images in [0, 1] to the input range that a network was trained on."""

from collections.abc import Callable
from typing import TypeAlias

import keras
import tensorflow as tf

MODES = ("0-255", "tf", "torch", "caffe")

Preprocessing: TypeAlias = Callable[[tf.Tensor], tf.Tensor] | str | None
"""The argument `preprocessing` of visualizers and other functions; see `as_preprocessing`."""


def as_preprocessing(preprocessing: Preprocessing) -> Callable[[tf.Tensor], tf.Tensor]:
    """Turn the argument `preprocessing` into a function.

    Args:
        preprocessing: `None` if the model takes images in [0, 1]; a callable that maps a batch of images in [0, 1] to a
            batch, or a function `preprocess_input` of `keras.applications`, which gets images in [0, 255];
            "0-255" if it takes images in [0, 255]; or one of Keras's modes: "tf" (scales to [-1, 1]), "torch"
            (subtracts ImageNet's mean and divides by its standard deviation) or "caffe" (BGR in [0, 255], minus
            ImageNet's mean). "auto" depends on the model, and is resolved by `Activations`.

    Returns:
        A callable that maps a tensor (batch, height, width, channels) in [0, 1] to a tensor.

    Raises:
        ValueError: `preprocessing` is none of these.
    """
    if preprocessing is None:
        return lambda images: images
    if callable(preprocessing):
        keras_own = str(getattr(preprocessing, "__module__", "")).startswith("keras.")
        if keras_own and getattr(preprocessing, "__name__", "") == "preprocess_input":
            # Keras's functions expect images in [0, 255]; given [0, 1], they fail without an error.
            return lambda images: preprocessing(255.0 * images)
        return preprocessing
    if isinstance(preprocessing, str) and preprocessing == "0-255":
        return lambda images: 255.0 * images
    if isinstance(preprocessing, str) and preprocessing in MODES:
        # Keras's function expects images in [0, 255].
        return lambda images: keras.applications.imagenet_utils.preprocess_input(255.0 * images, mode=preprocessing)
    raise ValueError(
        f'"preprocessing" must be "auto", None, a callable, or one of {", ".join(map(repr, MODES))}. '
        f"Received: {preprocessing!r}."
    )
