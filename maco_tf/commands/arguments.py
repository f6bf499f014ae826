"""The arguments that several commands share: the model, a user's own modules, and settings."""

import argparse
import importlib
import importlib.util
import json
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

    from maco_tf.spectrum import Magnitude

PREPROCESSING_HELP = (
    "for a .keras file: none for images in [0, 1], 0-255, tf, torch or caffe (default: auto, which finds the range)"
)
IMAGE_SIZE_HELP = (
    "side of the image, pixels, HEIGHTxWIDTH, or input for the model's (default: 512, or less for a small "
)
IMAGE_SIZE_HELP += "network)"
MAGNITUDE_HELP = (
    "for MACO: imagenet or natural, a folder of natural images from which it is estimated, or an .npz file of a saved "
)
MAGNITUDE_HELP += "Magnitude (default: ImageNet's)"
INPUT_SHAPE_HELP = "shape of the model's input, if the model does not define it: HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS"
IMAGES_HELP = "a folder of images; subfolders, if there are any, are their classes"


def add_model_arguments(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add `--model`, `--preprocessing` and `--import` to a command."""
    parser.add_argument(
        "--model",
        required=required,
        help="a network of the zoo ('maco-tf zoo' lists them), of keras.applications, or a file",
    )
    parser.add_argument("--preprocessing", default="auto", type=_preprocessing, help=PREPROCESSING_HELP)
    add_import_argument(parser)


def _preprocessing(text: str) -> str | None:
    """The value of `--preprocessing`; "none" stands for `None`."""
    return None if text.lower() == "none" else text


def add_import_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--import`, which makes a user's own method, objective or layer known to a command."""
    parser.add_argument(
        "--import",
        action="append",
        default=[],
        dest="modules",
        metavar="MODULE",
        help="a module or a .py file that defines a method or a layer of your own; may be given several times",
    )


def add_method_arguments(parser: argparse.ArgumentParser, example: str) -> None:
    """Add `--method`, `--steps`, `--crops`, `--image-size` and `--set` to a command.

    Args:
        parser: the command's parser.
        example: a value of `--set`, for the help.
    """
    add = parser.add_argument
    add("--method", default="MACO", help="MACO, Fourier, CBR, or a method of your own (default: MACO)")
    add("--steps", type=int, help="number of steps (default: the recipe's, 256)")
    add("--crops", type=int, help="number of views in a step (default: the recipe's, 8)")
    add("--image-size", "--size", type=image_size, dest="image_size", metavar="SIZE", help=IMAGE_SIZE_HELP)
    add(
        "--set",
        action="append",
        default=[],
        type=read_setting,
        dest="settings",
        metavar="NAME=VALUE",
        help=f"any other setting of the method, such as {example}; may be given several times",
    )


def import_modules(names: list[str]) -> None:
    """Import the modules that a user named.

    Args:
        names: names of modules, or paths of .py files.

    Raises:
        ValueError: there is no such module or file.
    """
    for name in names:
        path = Path(name)
        if path.suffix != ".py":
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                raise ValueError(f'"--import" must name a module or a .py file. Received: {name} ({error}).') from error
            continue
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if not path.is_file() or spec is None or spec.loader is None:
            raise ValueError(f'"--import" must name a file that exists. Received: {name}.')
        module = importlib.util.module_from_spec(spec)
        # Registered first, so that its classes and functions have an import path.
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)


def load_model(name: str, preprocessing: str | None = "auto", *, argument: str = "--model") -> "keras.Model":
    """Load a model of the zoo, of `keras.applications`, or from a file.

    Args:
        name: the value of `--model`.
        preprocessing: the value of `--preprocessing`.
        argument: the option, for the error.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: there is no such file or network, the file is damaged or needs a class that is not known, or a
            network with its own preprocessing is given another one.
    """
    from maco_tf.models import zoo
    from maco_tf.models.model_file import is_model_file, load_model_file

    if is_model_file(name):
        return load_model_file(name, argument=argument)
    if preprocessing not in (None, "auto"):
        raise ValueError(
            '"--preprocessing" must be left out for a network of the zoo, which contains its own. Received: '
            f"{preprocessing} for {name}."
        )
    return zoo.load(name)


def image_size(text: str) -> int | tuple[int, int] | str:
    """The value of `--image-size`: pixels, "HEIGHTxWIDTH" or "HEIGHT,WIDTH", or "input"."""
    sides = [side.strip() for side in re.split("[x,]", text.strip().lower())]
    if sides == ["input"]:
        return "input"
    if len(sides) > 2 or not all(side.isdecimal() for side in sides):
        raise argparse.ArgumentTypeError(f'must be a number of pixels, HEIGHTxWIDTH or "input". Received: {text}.')
    return (int(sides[0]), int(sides[1])) if len(sides) == 2 else int(sides[0])


def input_shape(text: str) -> tuple[int, int, int]:
    """The value of `--input-shape`: "HEIGHTxWIDTH", with three channels, or "HEIGHTxWIDTHxCHANNELS"."""
    sizes = [size.strip() for size in re.split("[x,]", text.strip().lower())]
    if len(sizes) not in (2, 3) or not all(size.isdecimal() and int(size) for size in sizes):
        raise argparse.ArgumentTypeError(f"must be HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS. Received: {text}.")
    height, width, *channels = map(int, sizes)
    return height, width, channels[0] if channels else 3


def shard(text: str) -> tuple[int, int]:
    """The value of `--shard`: "NUMBER/COUNT", with numbers from 0."""
    parts = text.split("/")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts) or int(parts[0]) >= int(parts[1]):
        raise argparse.ArgumentTypeError(f"must be NUMBER/COUNT from 0/8 to 7/8, for 8 parts. Received: {text}.")
    return int(parts[0]), int(parts[1])


def check_image_folder(path: str) -> None:
    """Check the value of `--images`, before a network is loaded.

    Raises:
        ValueError: there is no such folder.
    """
    if not Path(path).is_dir():
        raise ValueError(f'"--images" must be a folder of images. Received: {path}, which is not a folder.')


def load_magnitude(
    path: str, model: "keras.Model", *, quiet: bool = False, decorrelate: bool = True, **settings: Any
) -> "Magnitude | str":
    """The value of `--magnitude`.

    Args:
        path: "imagenet", "natural", a folder of images, which are resized to the optimised image, or a file that
            `Magnitude.save` wrote. A folder of this name comes first.
        model: a `keras.Model`.
        quiet: whether no progress is shown.
        decorrelate: the setting of MACO, for a folder.
        **settings: the settings on which the size of the image depends: `image_size` and `preprocessing`.

    Returns:
        A `Magnitude`, or the name of one.

    Raises:
        ValueError: there is no such file or folder, or it does not hold what it should.
    """
    from maco_tf.spectrum import Magnitude, estimate_magnitude
    from maco_tf.visualizers import FourierVisualizer
    from maco_tf.visualizers.maco import MAGNITUDES

    if Path(path).is_dir():
        height, width, channels = FourierVisualizer(model, **settings).image_shape
        size, verbose = (height, width), 0 if quiet else 1
        return estimate_magnitude(path, size=size, channels=channels, decorrelate=decorrelate, verbose=verbose)
    if path in MAGNITUDES:
        return path
    if not Path(path).is_file():
        raise ValueError(
            f'"--magnitude" must be {", ".join(MAGNITUDES)}, a folder of images, or a file. Received: {path}, '
            "which does not exist."
        )
    return Magnitude.load(path)


def read_setting(text: str) -> tuple[str, Any]:
    """A setting of a visualizer from "name=value"; the value is JSON, or else text."""
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise argparse.ArgumentTypeError(f"must be name=value, such as crop_side=0.5. Received: {text}.")
    try:
        return name.strip(), json.loads(value)
    except json.JSONDecodeError:
        return name.strip(), value


def read_method(
    options: argparse.Namespace, defaults: Mapping[str, Any], named: Collection[str] = ()
) -> tuple[Any, dict[str, Any]]:
    """The method of a command, and its settings from their options and from `--set`.

    Args:
        options: the arguments, of a command with `add_model_arguments` and `add_method_arguments`.
        defaults: dictionary, setting that has another option -> the option's default.
        named: further settings that the user gave by an option.

    Returns:
        The class of the visualizer; and a dictionary, name -> value.

    Raises:
        ValueError: there is no such method; or see `check_settings`.
    """
    from maco_tf.visualizers import find_method

    kind: Any = find_method(options.method)
    defaults = {"steps": None, "crops": None, "image_size": None, "preprocessing": "auto", **defaults}
    given = {name: getattr(options, name) for name in defaults}
    # Options that differ from their defaults.
    changed = [name for name, default in defaults.items() if given[name] != default]
    return kind, {**given, **check_settings(kind, options.settings, [*changed, *named])}


def say_interrupted(steps: int, name: str, left: Iterable[str]) -> None:
    """Print how many steps of an objective were done when Ctrl-C stopped it, and the names of what was not begun."""
    names = ", ".join(left)
    begun = f"Interrupted after {steps} steps of {name}"
    print(f"{begun}; not begun: {names}." if names else f"{begun}.")


def check_settings(kind: Any, settings: list[tuple[str, Any]], named: Collection[str] = ()) -> dict[str, Any]:
    """The values of all `--set`, after refusing names that are unknown or that have two values.

    Args:
        kind: the class of the visualizer.
        settings: list of (name, value), as `read_setting` returns them.
        named: the settings that the user gave by an option of their own, such as `--steps`.

    Returns:
        Dictionary, name -> value.

    Raises:
        ValueError: a name is unknown, is given twice, or is also given by its option.
    """
    names = [name for name, _ in settings]
    unknown = [name for name in names if name not in kind.names()]
    if unknown:
        raise ValueError(
            f'"--set" must name a setting of {kind.method}: {", ".join(kind.names())}. Received: {", ".join(unknown)}.'
        )
    for name in names:
        option = f"--{name.replace('_', '-')}"
        if name in named:
            raise ValueError(
                f'"--set" must not name a setting that is given by its option. Received: {name} besides {option}. '
                "Leave one of them out."
            )
        if names.count(name) > 1:
            raise ValueError(f'"--set" must name a setting once. Received: {name}, {names.count(name)} times.')
    return dict(settings)
