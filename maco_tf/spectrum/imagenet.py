"""The magnitude of ImageNet, as the paper's authors published it."""

import functools
import importlib.util
from pathlib import Path

import numpy as np

from maco_tf.spectrum.magnitude import Magnitude


def imagenet_magnitude(height: int = 512, width: int = 512) -> Magnitude:
    """The average magnitude of ImageNet's images, for three decorrelated channels.

    Args:
        height: pixels, at least 2.
        width: pixels, at least 2.

    Returns:
        A `Magnitude` of this size.

    Raises:
        ImportError: xplique is not installed, or too old to have the magnitude.
        ValueError: an argument is not an integer of at least 2.

    Source: the 512 x 512 array in xplique >= 2.0 (`features_visualizations/spectrum_decorrelated.npy`).
    """
    return _published().resized(height, width)


@functools.cache
def _published() -> Magnitude:
    # Only the file is needed; importing xplique would take seconds.
    spec = importlib.util.find_spec("xplique")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            'The magnitude of ImageNet is a file of xplique, which is not installed. Run: pip install "xplique>=2.0.2"'
        )
    path = Path(spec.submodule_search_locations[0], "features_visualizations", "spectrum_decorrelated.npy")
    if not path.is_file():
        raise ImportError(f'{path} is missing: this xplique is too old. Run: pip install "xplique>=2.0.2"')
    return Magnitude(np.load(path, allow_pickle=False), width=512)
