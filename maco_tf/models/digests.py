"""Hashes of arrays, and of the weights of a model."""

import hashlib
from collections.abc import Iterable

import keras
import numpy as np


def digest(arrays: Iterable[np.ndarray]) -> str:
    """A hash of the types, shapes and values of arrays, as hexadecimal digits."""
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        found.update(f"{array.dtype}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def weights_digest(model: keras.Model) -> str:
    """A hash that tells the weights of a model from others."""
    return digest(model.get_weights())
