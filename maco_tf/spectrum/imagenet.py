"""ImageNet's magnitude, as the paper's authors published it."""

import functools
import importlib.util
from pathlib import Path

import numpy as np

from maco_tf.spectrum.magnitude import Magnitude


def imagenet_magnitude(height=512, width=512):
    """The average magnitude of ImageNet's images, three decorrelated channels.

    Args:
        height: pixels, at least 2.
        width: pixels, at least 2.

    Returns:
        A `Magnitude` of the size asked for.

    Source: the array that xplique >= 2.0 ships (`features_visualizations/spectrum_decorrelated.npy`), 512 x 512.
    """
    return _published().resized(height, width)


@functools.cache
def _published():
    # Importing xplique would take seconds; only its file is needed.
    spec = importlib.util.find_spec("xplique")
    if spec is None:
        raise ImportError('ImageNet\'s magnitude ships inside xplique. Run: pip install "xplique>=2.0.2"')
    path = Path(spec.submodule_search_locations[0], "features_visualizations", "spectrum_decorrelated.npy")
    if not path.is_file():
        raise ImportError(f'{path} is missing: older xplique has no magnitude. Run: pip install "xplique>=2.0.2"')
    return Magnitude(np.load(path, allow_pickle=False), width=512)
