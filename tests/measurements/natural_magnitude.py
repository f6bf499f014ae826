"""Make the file of `natural_magnitude` from a folder of photographs.

    python -m tests.measurements.natural_magnitude --images FOLDER --source "1,300 photographs of ..."

The centres of the photographs are cut to squares and resized. The profile over rings is that of the mean |rfft2| of
their periodic components, and the standard deviation that of the mean |rfft2| of the photographs themselves, since the
periodic component lacks the energy of the smooth one. The photographs are read once.
"""

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from maco_tf.images.fitting import fit_images
from maco_tf.images.image_set import ImageSet
from maco_tf.spectrum import from_image, natural
from maco_tf.spectrum.frequencies import standard_deviation
from maco_tf.spectrum.periodic import smooth_spectrum
from maco_tf.spectrum.radial import ring_profile

BATCH = 32


def main(arguments=None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", required=True, type=Path, help="a folder of photographs")
    parser.add_argument("--source", required=True, help="what the photographs are; the file keeps it")
    parser.add_argument("--size", type=int, default=256, help="side of the squares, pixels (default: %(default)s)")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(natural.__file__).with_name("natural_magnitude.json"),
        help="default: the package's file",
    )
    options = parser.parse_args(arguments)
    content = {"source": options.source, **measure(options.images, options.size)}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in content.items())
    options.output.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    print(f"{content['images']} images, deviation {content['deviation']}, mean {content['mean']}")


def measure(images, size) -> dict:
    """The content of the file but its source.

    Args:
        images: as `ImageSet` takes them.
        size: side of the squares, pixels.
    """
    plain = periodic = mean = level = 0.0
    count = 0
    squares = (fit_images(image[None], (size, size))[0] for image in ImageSet(images))
    while batch := list(itertools.islice(squares, BATCH)):
        x = from_image(tf.constant(np.stack(batch))).numpy().astype("float64")
        spectrum = np.fft.rfft2(x, axes=(1, 2))
        plain = plain + np.abs(spectrum).sum(axis=0)
        periodic = periodic + np.abs(spectrum - smooth_spectrum(x)).sum(axis=0)
        mean, level = mean + x.mean(axis=(1, 2)).sum(axis=0), level + np.abs(x.mean(axis=(1, 2))).sum(axis=0)
        count += len(x)
    radii, densities = ring_profile(np.moveaxis(periodic / count, -1, 0), size)
    return {
        "images": count,
        "size": size,
        "estimate": "centre squares; rings of the mean |rfft2| of the periodic components (Moisan, 2011), in the "
        "decorrelated space before the sigmoid, divided by the side",
        "deviation": _rounded(standard_deviation(np.moveaxis(plain / count, -1, 0), size)),
        "mean": _rounded(mean / count),
        "level": _rounded(level / count),
        "radii": _rounded(radii),
        "densities": [_rounded(channel) for channel in densities],
    }


def _rounded(values) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


if __name__ == "__main__":
    main()
