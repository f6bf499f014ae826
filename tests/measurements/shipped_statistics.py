"""Measure the statistics of natural images that the package carries for the networks of its zoo.

    python -m tests.measurements.shipped_statistics --images FOLDER

FOLDER holds a folder of photographs for each of many classes. One photograph of each class enters, the first by name.
Classes with six photographs or more are left out, because the benchmarks compare with them.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from maco_tf import measure_statistics, zoo
from maco_tf.objectives import layer_statistics
from tests.measurements.recipes import lent_photographs

MODELS = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "mobilenet_v2", "squeezenet", "vit_s14")
# More parts would add bytes to the package, and little to the mean and the deviation: of a normal distribution, 8 equal
# parts have 97 % of the deviation.
QUANTILES = 8


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a file for each network.

    Args:
        arguments: the arguments; `None` takes those of the command line.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", required=True, type=Path, help="a folder of photographs")
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(layer_statistics.__file__).with_name("natural_statistics"),
        help="default: the package's folder",
    )
    options = parser.parse_args(arguments)
    photographs = lent_photographs(options.images)
    for name in options.models:
        statistics = measure_statistics(zoo.load(name), photographs, quantiles=QUANTILES)
        # Half precision is far finer than the differences between images.
        halves = [array.astype("float16") for array in statistics.quantiles]
        path = dataclasses.replace(statistics, quantiles=tuple(halves)).save(options.output / f"{name}.npz")
        print(f"{name}: {statistics.images} images, {path.stat().st_size:,} bytes", flush=True)


if __name__ == "__main__":
    main()
