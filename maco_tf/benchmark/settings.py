"""The settings of a benchmark: which models, methods, judges and classes, and how much compute."""

import dataclasses
import importlib.util
import os
import random
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from maco_tf.benchmark.methods import METHODS
from maco_tf.checks import check_integer
from maco_tf.images.image_set import IMAGE_ENDINGS
from maco_tf.models import zoo
from maco_tf.objectives.imagenet_labels import wnids

# The name of the paper's feature network: Keras's InceptionV3 on the centre of the image.
INCEPTION = "inception_v3"


@dataclasses.dataclass(frozen=True)
class BenchmarkSettings:
    """The settings of `run_benchmark`.

    Attributes:
        models: names of the explained networks, from the zoo or from `keras.applications`.
        methods: names from `METHODS`.
        judges: names of the networks that rate the finished images. A model never judges its own images.
        classes: ImageNet class numbers, from 0 to 999.
        seeds: integers of at least 0; each makes one image per model, method and class.
        steps: optimisation steps of every method.
        crops: views per step of every method.
        image_size: side of the images, pixels, at least 8.
        real_images: folder of real images with one subfolder for every class, such as `n02110958/image.jpg`. `None`
            leaves out the scores that need real images: plausibility, the distances between sets and the spectrum
            deviation.
        features: network whose features are compared by FID, KID and diversity; "inception_v3" as in the paper.
        classes_from: how the classes were chosen, in words, for the report.

    Raises:
        ValueError: a setting has a value that is not allowed, or a class has no real image.
    """

    models: tuple[str, ...]
    methods: tuple[str, ...]
    judges: tuple[str, ...]
    classes: tuple[int, ...]
    seeds: tuple[int, ...] = (0,)
    steps: int = 64
    crops: int = 8
    image_size: int = 512
    real_images: str | None = None
    features: str = "efficientnet_lite2"
    classes_from: str = "given by the user"

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {
            name: _names(name, getattr(self, name)) for name in ("models", "methods", "judges", "classes", "seeds")
        }
        checked["classes"] = check_classes("classes", checked["classes"])
        checked["seeds"] = tuple(check_integer("seeds", seed, 0) for seed in checked["seeds"])
        for name, least in (("steps", 1), ("crops", 1), ("image_size", 8)):
            checked[name] = check_integer(name, getattr(self, name), least)
        checked["real_images"] = None if self.real_images is None else str(self.real_images)
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        unknown = [name for name in self.methods if name not in METHODS]
        if unknown:
            raise ValueError(f'"methods" must be among {", ".join(METHODS)}. Received: {", ".join(unknown)}.')
        for model in self.models:
            if set(self.judges) <= {model}:
                raise ValueError(
                    f'"judges" must hold a network other than {model!r}: a model never judges its own images. '
                    f"Received: {self.judges}."
                )
        if self.real_images is not None:
            missing = [folder.name for folder in self.real_folders().values() if not any(_images(folder))]
            if missing:
                raise ValueError(
                    '"real_images" must hold a subfolder with images for every class. Received: '
                    f"{self.real_images}, without {', '.join(missing[:5])}. Choose classes that have images."
                )

    def check_networks(self) -> None:
        """Check that every network can be loaded, before any work is done.

        Raises:
            ValueError: there is no network of that name.
            ImportError: the package of a network, or scikit-learn, is not installed; the message has the command.
        """
        for name in {*self.models, *self.judges, *({self.features} - {INCEPTION})}:
            zoo.check(name)
        if self.real_images is not None and importlib.util.find_spec("sklearn") is None:
            raise ImportError('Plausibility needs scikit-learn. Run: pip install "maco_tf[metrics]"')

    def real_folders(self) -> dict[int, Path]:
        """The folder of real images of every class.

        Returns:
            Dictionary, class number -> `Path`.

        Raises:
            ValueError: `real_images` is `None`.
        """
        if self.real_images is None:
            raise ValueError('"real_images" must be a folder. Received: None.')
        return {index: Path(self.real_images, wnids()[index]) for index in self.classes}


def offline(**changes: Any) -> BenchmarkSettings:
    """Networks whose weights are Python packages, so that nothing is downloaded while the benchmark runs.

    Args:
        **changes: fields of `BenchmarkSettings`; `classes` is required.
    """
    networks = ("efficientnet_lite0", "squeezenet", "mobilenet_v2")
    defaults = {
        "models": networks,
        "methods": ("maco", "fourier", "cbr", "xplique"),
        "judges": (*networks, "efficientnet_lite2"),
    }
    return BenchmarkSettings(**{**defaults, **changes})


def paper(**changes: Any) -> BenchmarkSettings:
    """The scale of the paper: 512 pixels, 256 steps, FID of InceptionV3, six Keras classifiers as judges. Use a GPU.

    The networks and the number of crops differ from the paper's, whose FlexiViT is not in `keras.applications`.

    Args:
        **changes: fields of `BenchmarkSettings`; `classes` is required (500 in the paper).
    """
    defaults = {
        "models": ("ResNet50V2", "EfficientNetV2B0", "ConvNeXtTiny"),
        "methods": ("maco", "fourier", "cbr"),
        "judges": ("ResNet50V2", "EfficientNetV2B0", "ConvNeXtTiny", "InceptionV3", "VGG16", "DenseNet121"),
        "steps": 256,
        "features": INCEPTION,
    }
    return BenchmarkSettings(**{**defaults, **changes})


PRESETS = {"offline": offline, "paper": paper}


def draw_classes(
    folder: str | os.PathLike[str] | None,
    count: int,
    *,
    seed: int = 0,
    least: int = 1,
    exclude: Collection[int] = (),
) -> tuple[int, ...]:
    """Draw classes at random from those with real images.

    Args:
        folder: see `BenchmarkSettings.real_images`; `None` draws from all classes.
        count: number of classes, at least 1.
        seed: integer of at least 0; equal seeds draw equal classes.
        least: smallest number of real images that a class must have.
        exclude: class numbers to leave out, such as those that a method was tuned on.

    Returns:
        Tuple of class numbers.

    Raises:
        ValueError: there are too few classes, the folder does not exist, or an argument lies outside its range.
    """
    count, least, seed = (
        check_integer("count", count, 1),
        check_integer("least", least, 0),
        check_integer("seed", seed, 0),
    )
    exclude = check_classes("exclude", exclude)
    if folder is not None and not Path(folder).is_dir():
        raise ValueError(f'"real_images" must be a folder that exists. Received: {str(folder)!r}.')
    pool = [
        index
        for index, name in enumerate(wnids())
        if index not in exclude and (folder is None or sum(1 for _ in _images(Path(folder, name))) >= least)
    ]
    if count > len(pool):
        raise ValueError(
            f'"count" must be at most {len(pool)}, the number of classes with at least {least} images. '
            f"Received: {count}."
        )
    return tuple(random.Random(seed).sample(pool, count))


def check_classes(name: str, classes: Collection[int]) -> tuple[int, ...]:
    """Check ImageNet class numbers.

    Args:
        name: the argument's name, for the error.
        classes: integers, of Python or of NumPy.

    Returns:
        Tuple of `int`.

    Raises:
        ValueError: a value is not an integer from 0 to 999.
    """
    numbers = tuple(check_integer(name, value) for value in classes)
    wrong = [number for number in numbers if not 0 <= number < len(wnids())]
    if wrong:
        raise ValueError(f'"{name}" must be ImageNet class numbers, 0 to 999. Received: {", ".join(map(str, wrong))}.')
    return numbers


def _names(name: str, values: Any) -> tuple[Any, ...]:
    """A list without duplicates, as a tuple."""
    if isinstance(values, str):
        raise ValueError(f'"{name}" must be a list. Received: {values!r}. Write [{values!r}].')
    values = tuple(values)
    if not values or len(set(values)) != len(values):
        raise ValueError(f'"{name}" must hold at least one value, and no value twice. Received: {values}.')
    return values


def _images(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_ENDINGS)
