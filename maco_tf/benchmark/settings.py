"""The settings of a benchmark: which models, methods, judges and classes, and how much compute."""

import dataclasses
import importlib.util
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from maco_tf.benchmark.methods import METHODS, needs_images, recipes_of
from maco_tf.benchmark.real_images import FEWEST_DIVIDED, check_classes, count_images, divide, flat_hint
from maco_tf.checks import check_integer
from maco_tf.images import image_files
from maco_tf.models import zoo
from maco_tf.models.model_file import check_model_file, is_model_file
from maco_tf.objectives.imagenet_labels import wnids

# The name of the paper's feature network: Keras's InceptionV3 on the centre of the image.
INCEPTION = "inception_v3"

# The paper's networks that have no name in `keras.applications`, and where to find them.
_SOURCES = {
    "FlexiViT.npz": "Download https://storage.googleapis.com/big_vision/flexivit/flexivit_b_i1k.npz under this name, "
    "or choose other networks.",
    "ViT.keras": "Download a ViT of big_vision and run "
    'maco_tf.zoo.flexivit("ViT.npz", image_size=224).save("ViT.keras"), or choose other networks.',
}


@dataclasses.dataclass(frozen=True)
class BenchmarkSettings:
    """The settings of `run_benchmark`.

    Attributes:
        models: the explained networks: names from the zoo or from `keras.applications`, or model files (see
            `models.model_file.load_model_file`) of classifiers that take images in [0, 1]. A file is replaced by its
            name without the ending, and is then listed in `files`.
        methods: names from `METHODS`.
        judges: the networks that rate the finished images, like `models`. A model never judges its own images.
        classes: ImageNet class numbers, from 0 to 999.
        seeds: integers of at least 0; each makes one image per model, method and class.
        steps: optimisation steps of every method.
        crops: views per step of every method.
        image_size: side of the images, pixels, at least 8.
        recipe: recipe of every registered method; each must have it. xplique's own `maco` has no recipes.
        real_images: folder of real images with one subfolder for every class, such as `n02110958/image.jpg`. `None`
            leaves out the scores that need real images: plausibility, the distances between sets, the two-alternative
            test and the spectrum deviation. If the prior of a method sees images of the class, half of each class's
            images are for such priors, and the scores are taken against the other half; see `real_images.divide`.
        features: network whose features are compared by FID, KID, precision, recall and diversity; "inception_v3" as in
            the paper.
        classes_from: how the classes were chosen, in words, for the report.
        files: dictionary, name -> model file, of the models and judges that are files.

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
    recipe: str = "default"
    real_images: str | None = None
    features: str = "efficientnet_lite2"
    classes_from: str = "given by the user"
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {
            name: _names(name, getattr(self, name)) for name in ("models", "methods", "judges", "classes", "seeds")
        }
        checked["files"] = dict(self.files)
        for name in ("models", "judges"):
            checked[name] = _names(name, _named(name, checked[name], checked["files"]))
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
        for name in self.methods:
            recipes = recipes_of(name)
            if recipes is not None and self.recipe not in recipes:
                raise ValueError(
                    f'"recipe" must be one that every method has. Received: {self.recipe!r}, but {name} has only '
                    f"{', '.join(recipes)}. Leave the method out, or add the recipe to it."
                )
        for model in self.models:
            if set(self.judges) <= {model}:
                raise ValueError(
                    f'"judges" must hold a network other than {model!r}: a model never judges its own images. '
                    f"Received: {self.judges}."
                )
        self._check_real_images()

    def _check_real_images(self) -> None:
        """Check that every class has enough real images."""
        seeing = [name for name in self.methods if needs_images(name)]
        if self.real_images is None:
            if seeing:
                raise ValueError(
                    f'"real_images" must be a folder for {", ".join(seeing)}, whose prior needs images of each class. '
                    "Received: None. Choose a folder, or leave out these methods."
                )
            return
        least = FEWEST_DIVIDED if seeing else 1
        missing = [folder.name for folder in self.real_folders().values() if count_images(folder) < least]
        if missing:
            needed = f"{least} images (the prior of {', '.join(seeing)} uses some)" if seeing else "images"
            raise ValueError(
                f'"real_images" must hold a subfolder with {needed} for every class. Received: '
                f"{self.real_images}, in which {', '.join(missing[:5])} lacks them. Choose classes that have "
                f"images.{flat_hint(self.real_images)}"
            )

    def check_networks(self) -> None:
        """Check that every network can be loaded, before any work is done.

        Raises:
            ValueError: there is no network of that name.
            ImportError: the package of a network, or scikit-learn, is not installed; the message has the command.
        """
        for name in {*self.models, *self.judges, *({self.features} - {INCEPTION})}:
            if name in self.files:
                path, argument = self.files[name], "models" if name in self.models else "judges"
                if path in _SOURCES and not Path(path).is_file():
                    raise ValueError(f'"{argument}" must be files that exist. Received: {path}. {_SOURCES[path]}')
                check_model_file(path, argument=argument)
            else:
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

    @property
    def divided(self) -> bool:
        """Whether half of the real images are for the priors of methods, and the scores are taken against the rest."""
        return any(map(needs_images, self.methods))

    def prior_files(self, index: int) -> list[str]:
        """The real images of a class that a method may see; see `divide`.

        Args:
            index: class number.
        """
        return divide(self.real_folders()[index]).prior

    def compared_files(self, index: int) -> list[str]:
        """The real images of a class that scores are taken against; all of them if no method sees any.

        Args:
            index: class number.
        """
        folder = self.real_folders()[index]
        return divide(folder).compared if self.divided else image_files(folder)


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
    """The paper's comparison: recipe "paper", 256 steps of one view, 512 pixels, its networks. Use a GPU.

    The explained networks are FlexiViT, ViT and ResNet50V2. The first two cannot be downloaded by name: by default,
    they are the files `FlexiViT.npz` and `ViT.keras` in the current folder. The six judges are Keras's networks, and
    FID compares features of InceptionV3 on 299 pixels.

    Args:
        **changes: fields of `BenchmarkSettings`; `classes` is required (500 in the paper).
    """
    defaults = {
        "models": ("FlexiViT.npz", "ViT.keras", "ResNet50V2"),
        "methods": ("maco", "fourier", "cbr"),
        "judges": ("MobileNet", "VGG16", "Xception", "EfficientNetB0", "ConvNeXtTiny", "DenseNet121"),
        "recipe": "paper",
        "steps": 256,
        "crops": 1,
        "features": INCEPTION,
    }
    return BenchmarkSettings(**{**defaults, **changes})


PRESETS = {"offline": offline, "paper": paper}


def _names(name: str, values: Any) -> tuple[Any, ...]:
    """A list without duplicates, as a tuple."""
    if isinstance(values, str):
        raise ValueError(f'"{name}" must be a list. Received: {values!r}. Write [{values!r}].')
    values = tuple(values)
    if not values or len(set(values)) != len(values):
        raise ValueError(f'"{name}" must hold at least one value, and no value twice. Received: {values}.')
    return values


def _named(name: str, values: Iterable[Any], files: dict[str, str]) -> list[Any]:
    """The networks by name. Files are added to `files` under their names without the ending."""
    found = []
    for value in map(os.fspath, values):
        if is_model_file(value):
            path, value = value, Path(value).stem
            if files.setdefault(value, path) != path:
                raise ValueError(
                    f'"{name}" must be files of different names. Received: {files[value]} and {path}. Rename one.'
                )
        found.append(value)
    return found
