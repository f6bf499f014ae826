"""What a benchmark compares, and at what compute."""

import dataclasses
import importlib.util
import random
from pathlib import Path

from maco_tf.benchmark.methods import METHODS
from maco_tf.checks import check_integer
from maco_tf.metrics.image_set import IMAGE_ENDINGS
from maco_tf.models import zoo
from maco_tf.objectives.imagenet_labels import wnids

# The extractor of FID's features that is Keras's InceptionV3 on the centre of the image, as in the paper.
INCEPTION = "inception_v3"


@dataclasses.dataclass(frozen=True)
class BenchmarkSettings:
    """The settings of `run_benchmark`.

    Attributes:
        models: names of the explained networks, of the zoo or of `keras.applications`.
        methods: names from `METHODS`.
        judges: names of the networks that see the finished images; a model is never its own judge.
        classes: ImageNet class numbers.
        seeds: one image is made for each.
        steps: steps of an optimisation, of every method.
        crops: views a step, of every method.
        image_size: side of the images, pixels.
        real_images: folder of real images with a folder for each class, `n02110958/image.jpg`; `None` leaves out what
            needs them: plausibility and the distances between sets.
        features: network whose features the distances between sets and diversity compare, or "inception_v3" as in the
            paper.
        classes_from: where the classes come from, in words, for the report.
    """

    models: tuple
    methods: tuple
    judges: tuple
    classes: tuple
    seeds: tuple = (0,)
    steps: int = 64
    crops: int = 8
    image_size: int = 512
    real_images: str | None = None
    features: str = "efficientnet_lite2"
    classes_from: str = "given by the user"

    def __post_init__(self):
        for name in ("models", "methods", "judges", "classes", "seeds"):
            values = getattr(self, name)
            if isinstance(values, str):
                raise ValueError(f'"{name}" must be a list of names. Received: {values!r}. Write [{values!r}].')
            values = tuple(values)
            if name in ("classes", "seeds"):
                # Of NumPy's integers too, which JSON does not write.
                values = tuple(check_integer(name, value, 0) for value in values)
            if not values or len(set(values)) != len(values):
                raise ValueError(f'"{name}" must name at least one, each once. Received: {values}.')
            object.__setattr__(self, name, values)
        if self.real_images is not None:
            object.__setattr__(self, "real_images", str(self.real_images))
        for name, least in (("steps", 1), ("crops", 1), ("image_size", 8)):
            check_integer(name, getattr(self, name), least)
        unknown = [name for name in self.methods if name not in METHODS]
        if unknown:
            raise ValueError(f'"methods" must be of {", ".join(METHODS)}. Received: {", ".join(unknown)}.')
        check_classes("classes", self.classes)
        alone = [name for name in self.models if set(self.judges) <= {name}]
        if alone:
            raise ValueError(
                f'"judges" must hold a network other than {alone[0]!r}: none is its own judge. Received: {self.judges}.'
            )
        if self.real_images is not None:
            missing = [folder.name for folder in self.real_folders().values() if not any(_images(folder))]
            if missing:
                raise ValueError(
                    f'"real_images" must hold a folder of images for each class. Received: {self.real_images}, without '
                    f"{', '.join(missing[:5])}. Draw the classes from those that it has."
                )

    def check_networks(self):
        """Refuse, before any work, networks that are not there.

        Raises:
            ValueError: no such network.
            ImportError: a network's package, or scikit-learn, is missing; the message has the command that brings it.
        """
        for name in {*self.models, *self.judges, *({self.features} - {INCEPTION})}:
            zoo.check(name)
        if self.real_images is not None and importlib.util.find_spec("sklearn") is None:
            raise ImportError('Plausibility needs scikit-learn. Run: pip install "maco_tf[metrics]"')

    def real_folders(self):
        """Dictionary, class number -> `Path` of its real images."""
        return {index: Path(self.real_images, wnids()[index]) for index in self.classes}


def offline(**changes):
    """Networks whose weights are packages: nothing is downloaded.

    Args:
        **changes: fields of `BenchmarkSettings`; `classes` is needed.
    """
    networks = ("efficientnet_lite0", "squeezenet", "mobilenet_v2")
    defaults = {
        "models": networks,
        "methods": ("maco", "fourier", "cbr", "xplique"),
        "judges": (*networks, "efficientnet_lite2"),
    }
    return BenchmarkSettings(**{**defaults, **changes})


def paper(**changes):
    """The paper's size: 512 pixels, 256 steps, InceptionV3's FID, six Keras classifiers as judges; for a GPU.

    Networks and their number of crops differ from the paper's, whose FlexiViT is no part of `keras.applications`.

    Args:
        **changes: fields of `BenchmarkSettings`; `classes` is needed, 500 in the paper.
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


def draw_classes(folder, count, *, seed=0, least=1, exclude=()):
    """Classes by chance among those that have real images.

    Args:
        folder: see `BenchmarkSettings.real_images`; `None` draws from all.
        count: number of classes.
        seed: integer; equal seeds draw the same.
        least: real images that a class must have.
        exclude: class numbers to leave out, such as those that something was tuned on.

    Returns:
        Tuple of class numbers.

    Raises:
        ValueError: fewer classes than that are there; no such folder; or an argument outside its range.
    """
    count, least = check_integer("count", count, 1), check_integer("least", least, 0)
    check_classes("exclude", exclude)
    if folder is not None and not Path(folder).is_dir():
        raise ValueError(f'"real_images" must be a folder that exists. Received: {str(folder)!r}.')
    pool = [
        index
        for index, name in enumerate(wnids())
        if index not in exclude and (folder is None or sum(1 for _ in _images(Path(folder, name))) >= least)
    ]
    if count > len(pool):
        raise ValueError(
            f'"count" must be at most {len(pool)}, the classes with at least {least} images. Received: {count}.'
        )
    return tuple(random.Random(seed).sample(pool, count))


def check_classes(name, classes):
    """Refuse numbers that are no ImageNet classes.

    Args:
        name: the argument's name, for the error.
        classes: numbers.

    Raises:
        ValueError: one that is none.
    """
    wrong = [value for value in classes if not 0 <= value < len(wnids())]
    if wrong:
        raise ValueError(f'"{name}" must be ImageNet class numbers, 0 to 999. Received: {", ".join(map(str, wrong))}.')


def _images(folder):
    return (path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_ENDINGS)
