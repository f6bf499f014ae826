"""From the settings that a user gave to the settings in force: recipe, checks, contradictions."""

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from maco_tf.checks import check_choice, check_flag, check_integer, check_number, warn_user
from maco_tf.models.activations import Activations
from maco_tf.optimization.replicas import as_strategy, resolve_batch_size, resolve_jit
from maco_tf.transforms.crop import check_side
from maco_tf.transforms.distribution import as_distribution
from maco_tf.transforms.schedule import check_amount

# The settings that "transforms" replaces.
_VIEWS = (
    "crop_side",
    "crop_centre",
    "crop_inside",
    "crop_antialias",
    "whole_views",
    "gaussian_noise",
    "uniform_noise",
    "noise_first",
)
_SETS = ("lucid", "paper")

# Pixels of a recipe's image per pixel of the input, along a side, up to which nothing is said. The recipes "paper" and
# "xplique" draw 512 pixels, for networks of 224.
_LARGEST_RATIO = 4


def resolve(
    names: Iterable[str], given: Mapping[str, Any], recipe: Mapping[str, Any], title: str, activations: Activations
) -> dict[str, Any]:
    """Fill in the recipe's values and check all shared settings.

    Args:
        names: the names of all settings.
        given: dictionary, setting -> the user's value; settings of `None` are left out.
        recipe: dictionary, setting -> the recipe's value.
        title: the name of the recipe, for errors.
        activations: the `Activations` of its model.

    Returns:
        Dictionary, setting -> value, without the model. Settings that do not apply are `None`.

    Raises:
        ValueError: a setting lies outside its range, or contradicts another one.
    """
    values = {**dict.fromkeys(names), **recipe, **given}
    if values["transforms"] is None:
        _resolve_crops(values, given, title)
    else:
        _resolve_transforms(values, given, title)
    for name, least in (("steps", 1), ("crops", 1), ("steps_per_execution", 1), ("relu_warmup", 0)):
        values[name] = check_integer(name, values[name], least)
    values["class_names"] = _class_names(values["class_names"])
    _resolve_optimizer(values, given)
    values["input_shape"], values["preprocessing"] = activations.input_shape, activations.preprocessing
    values["image_size"] = resolve_image_size(values["image_size"], activations.input_shape)
    _check_image_size(values, given, title)
    strategy = values["strategy"] = as_strategy(values["strategy"])
    jit_compile = values["jit_compile"] = resolve_jit(values["jit_compile"], strategy)
    values["max_batch_size"] = resolve_batch_size(values["max_batch_size"], jit_compile, strategy)
    return values


def _resolve_crops(values: dict[str, Any], given: Mapping[str, Any], title: str) -> None:
    """Check the views that crops and noise make."""
    if "antialias" in given:
        raise ValueError(
            '"antialias" belongs to the resizing after "transforms". Received: it with the recipe '
            f"{title!r}, which makes crops. Set crop_antialias, or give transforms."
        )
    values["antialias"] = None
    for name in ("crop_inside", "crop_antialias", "noise_first"):
        values[name] = check_flag(name, values[name])
    values["whole_views"] = check_integer("whole_views", values["whole_views"], 0)
    values["crop_side"] = check_side("crop_side", values["crop_side"])
    centre = values["crop_centre"]
    if isinstance(centre, str) and centre != "anywhere":
        raise ValueError(
            f'"crop_centre" must be "anywhere", a number, a distribution or a schedule. Received: {centre!r}.'
        )
    if not isinstance(centre, str):
        values["crop_centre"] = as_distribution("crop_centre", centre)
    for name in ("gaussian_noise", "uniform_noise"):
        values[name] = check_amount(name, values[name])


def _resolve_transforms(values: dict[str, Any], given: Mapping[str, Any], title: str) -> None:
    """Check the views that transforms make."""
    besides = [name for name in _VIEWS if name in given]
    if besides:
        source = "" if "transforms" in given else f" with the recipe {title!r}, which has transforms"
        raise ValueError(
            f'"transforms" replaces crops and noise. Received: {", ".join(besides)} besides it{source}. Put the crops '
            "and the noise that you want into the list."
        )
    values.update(dict.fromkeys(_VIEWS))
    values["antialias"] = check_flag("antialias", values["antialias"])
    values["transforms"] = _transforms(values["transforms"])
    # A user's list says how many views it makes; a named set does not.
    if "transforms" in given and "crops" not in given and not isinstance(values["transforms"], str):
        values["crops"] = 1


def _resolve_optimizer(values: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Check the learning rate, or the optimizer that replaces it."""
    rate = values["learning_rate"]
    if "optimizer" in given:
        values["optimizer"] = _copied(given["optimizer"])
        if "learning_rate" in given:
            raise ValueError(
                '"learning_rate" belongs to the default optimizer. Received: an "optimizer" besides it. Set the '
                "learning rate of the optimizer."
            )
        values["learning_rate"] = None
    elif not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        if callable(rate):
            raise ValueError(
                '"learning_rate" must be a number or a keras.optimizers.schedules.LearningRateSchedule. Received: '
                f"{rate!r}."
            )
        values["learning_rate"] = check_number("learning_rate", rate, above=0)


def resolve_image_size(size: Any, input_shape: Sequence[int]) -> tuple[int, int]:
    """The size of the image for a model.

    Args:
        size: side of the image, pixels, `(height, width)`, "input", or `None`.
        input_shape: `(height, width, channels)` of the model's input.

    Returns:
        `(height, width)`, pixels.

    Raises:
        ValueError: the size is something else.
    """
    height, width = input_shape[:2]
    if size is None:
        side = max(height, width)
        # An image of 512 pixels suits an input of 224, and its proportion suits one of 96. For an input of 32, an image
        # of the same size is better: notebooks/guides/recipe.md. Between 32 and 96, nothing was measured.
        largest = np.interp(side, (32, 96), (1.0, 512 / 224))
        scale = max(1.0, min(largest, 512 / side))
        return round(height * scale), round(width * scale)
    if isinstance(size, str) and size == "input":
        return height, width
    sides = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, int | np.integer) and side >= 8 for side in sides):
        raise ValueError(
            f'"image_size" must be a number of pixels of at least 8, (height, width), or "input". Received: {size!r}.'
        )
    return int(sides[0]), int(sides[1])


def _check_image_size(values: dict[str, Any], given: Mapping[str, Any], title: str) -> None:
    """Refuse an image that the transforms cannot shift, and warn if a recipe's image is far larger than the input."""
    size, (height, width, _) = values["image_size"], values["input_shape"]
    # `paper_standard` shifts by sixteenths of the side.
    if values["transforms"] == "paper" and min(size) < 16:
        raise ValueError(f'"image_size" must be at least 16 with the transforms "paper". Received: {size}.')
    ratio = max(size) / max(height, width)
    if "image_size" not in given and ratio > _LARGEST_RATIO:
        fitting = resolve_image_size(None, values["input_shape"])
        warn_user(
            f"The recipe {title!r} draws {size[0]} x {size[1]} pixels for a model whose input has {height} x {width}. "
            f"Views are shrunk to the input, so the model does not see the finer details of the image. For an image "
            f"that fits the model, pass image_size={fitting[0] if fitting[0] == fitting[1] else fitting}."
        )


def _class_names(names: Any) -> Any:
    """A tuple of a user's names, which nobody can append to; "imagenet", or `None`."""
    if names is None or (isinstance(names, str) and names == "imagenet"):
        return names
    if isinstance(names, str) or not np.iterable(names) or not all(isinstance(name, str) for name in names):
        raise ValueError(
            '"class_names" must be a list of names, one for each class, or "imagenet". Received: '
            f"{reprlib.repr(names)}."
        )
    return tuple(map(str, names))


def _transforms(transforms: Any) -> Any:
    """A tuple of a user's transforms, which nobody can append to; or the name of a set."""
    if isinstance(transforms, str):
        return check_choice("transforms", transforms, _SETS)
    if not isinstance(transforms, list | tuple) or not all(map(callable, transforms)):
        raise ValueError(
            '"transforms" must be a list of transforms or callables from images to images, "lucid" or "paper". '
            f"Received: {transforms!r}."
        )
    return tuple(transforms)


def _copied(optimizer: Any) -> keras.optimizers.Optimizer:
    """A copy, so that nobody changes the optimizer of compiled steps."""
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise ValueError(
            f'"optimizer" must be a keras.optimizers.Optimizer, such as Adam(0.1). Received: {optimizer!r}.'
        )
    return type(optimizer).from_config(optimizer.get_config())
