"""The magnitude of photographs at their natural contrast, the same in all directions, from a small file."""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np

from maco_tf.checks import check_integer
from maco_tf.spectrum.magnitude import Magnitude
from maco_tf.spectrum.radial import from_rings


def natural_magnitude(height: int = 512, width: int = 512) -> Magnitude:
    """The magnitude of natural photographs, for three decorrelated channels.

    It differs from `imagenet_magnitude` in four respects. It has the contrast that photographs have in the space in
    which MACO uses it: the standard deviations before the sigmoid are 2.06, 1.83 and 1.88, and those of the published
    magnitude 1.33, 1.40 and 1.10. It is the same in all directions, and the published one is two to three times as
    strong on the axes as beside them, which random phases turn into plaid. Its high frequencies are those of sharp
    photographs of 256 pixels; the published one was estimated from images that were enlarged to 512. Its mean is known,
    with its sign.

    Args:
        height: pixels, at least 2.
        width: pixels, at least 2.

    Returns:
        A `Magnitude` of this size: the same density at the same cycles per pixel, with the standard deviation and the
        mean of the photographs at any size.

    Raises:
        ValueError: an argument is not an integer of at least 2.

    Source: 1,300 photographs of ImageNet, a sample like its validation set: one of each of 700 classes and six of each
        of 100. Their centres were cut to squares and resized to 256 pixels. The mean |rfft2| of their periodic
        components (Moisan, 2011) was averaged over rings as a root mean square. The standard deviation is that of the
        mean |rfft2| of the photographs themselves. Made by `python -m tests.measurements.natural_magnitude`; the file
        says how as well.
    """
    height, width = check_integer("height", height, 2), check_integer("width", width, 2)
    profile = _profile()
    values = from_rings(profile["radii"], profile["densities"], height, width, profile["deviation"])
    values[:, 0, 0] = profile["level"] * (height * width)
    return Magnitude(values, width, profile["mean"])


@functools.cache
def _profile() -> dict[str, np.ndarray]:
    path = Path(__file__).with_name("natural_magnitude.json")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {name: np.array(content[name]) for name in ("radii", "densities", "deviation", "level", "mean")}
