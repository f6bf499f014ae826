"""The input of a model: which models are accepted, and the shape of the images that they take."""

import math
import re
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from maco_tf.checks import check_shape

# Side of the input if neither the model nor the user fixes it; most ImageNet networks take 224 pixels.
_DEFAULT_SIDE = 224


def check_model(model: Any, *, converts: bool = False) -> None:
    """Refuse everything but a built Keras 3 model with channels last.

    Args:
        model: the user's model.
        converts: whether the user's preprocessing changes the layout of the images, so that channels may come first.

    Raises:
        ValueError: the model is another one.
    """
    if not isinstance(model, keras.Model):
        kind = f"{type(model).__module__}.{type(model).__name__}"
        hint = "Load it with keras.models.load_model, or take one from maco_tf.models.zoo."
        if kind.startswith("tf_keras"):
            hint = "tf_keras is Keras 2: load the model with Keras 3."
        raise ValueError(f'"model" must be a Keras 3 model (keras.Model). Received: {kind}. {hint}')
    if not model.built:
        raise ValueError(
            f'"model" must be built. Received: {model.name!r}, which has no weights yet. Call it once on a batch of '
            "images, or load its weights."
        )
    layer = channels_first(model)
    if layer is not None and not converts:
        raise ValueError(
            f'"model" must keep channels last, as images do. Received: {layer!r} with channels_first. Build the model '
            'with data_format="channels_last"; the kernels of its convolutions stay the same. For logits, it is enough '
            "to pass input_shape=(height, width, channels) and a preprocessing that moves the channels: "
            "lambda x: tf.transpose(x, (0, 3, 1, 2))."
        )


def channels_first(model: keras.Model) -> str | None:
    """The name of the first layer that keeps channels first, or `None`."""
    layers = model._flatten_layers()
    return next((layer.name for layer in layers if getattr(layer, "data_format", None) == "channels_first"), None)


def declared_shape(model: keras.Model) -> Any:
    """The input shapes that a functional or sequential model declares, with the batch; `None` for other models."""
    known = getattr(model, "input_shape", None)
    if isinstance(known, list | dict) and len(known) == 1:
        known = next(iter(known.values())) if isinstance(known, dict) else known[0]
    return known


def declared_batch(model: keras.Model) -> int | None:
    """The batch size that a model declares, or `None`."""
    known = declared_shape(model)
    return known[0] if isinstance(known, tuple) and known and isinstance(known[0], int) else None


def as_input(model: keras.Model, images: tf.Tensor) -> Any:
    """The images in the structure that a functional model declares: alone, or in a dictionary or list of one."""
    declared = getattr(model, "_inputs_struct", None)
    if isinstance(declared, dict):
        return {next(iter(declared)): images}
    return [images] if isinstance(declared, list) else images


def resolve_input_shape(
    model: keras.Model, given: Sequence[int] | None, *, converts: bool = False
) -> tuple[int, int, int]:
    """The shape of the images, from the user or from the model.

    Args:
        model: a built model.
        given: the user's `input_shape`, or `None`. For a subclassed model, `None` takes the shape that it was built on.
        converts: whether the user's preprocessing is a function, which may change the shape of the images if `given` is
            given. `check_converted` compares its result with the model's input.

    Returns:
        `(height, width, channels)`.

    Raises:
        ValueError: the model takes something else than images, or its input does not have the given shape, or the shape
            is not known.
    """
    known = declared_shape(model)
    if given is not None:
        shape = check_shape("input_shape", given)
        if not converts:
            _check_images(model, known)
            if known and not _fits(known[1:], shape):
                raise ValueError(
                    f'"input_shape" must fit the model\'s input, {known[1:]}. Received: {shape}. To optimise images of '
                    "another shape, pass a function as preprocessing that converts them."
                )
        return shape
    known = _built_shape(model) if known is None else known
    _check_images(model, known)
    if known is None or known[-1] is None:
        raise ValueError(
            '"input_shape" must be given as (height, width, channels), since it cannot be read from '
            f"{model.name!r} ({type(model).__name__}). Received: None."
        )
    sizes: Any = known[1:]
    height, width, channels = sizes
    return height or _DEFAULT_SIDE, width or _DEFAULT_SIDE, channels


def check_converted(model: keras.Model, images: tf.Tensor) -> None:
    """Refuse preprocessed images that do not have the shape of the model's input.

    Args:
        model: a built model.
        images: the tensor that the preprocessing returned.

    Raises:
        ValueError: the shape is another one.
    """
    known = declared_shape(model)
    if isinstance(known, tuple) and images.shape.rank is not None and not _fits(known[1:], tuple(images.shape[1:])):
        raise ValueError(
            f'"preprocessing" must return a batch of the model\'s input, {known[1:]}. Received: {images.shape[1:]}.'
        )


def _fits(known: Sequence[int | None], shape: Sequence[int | None]) -> bool:
    """Whether all sizes that are known agree."""
    return len(known) == len(shape) and all(
        size is None or other is None or size == other for size, other in zip(known, shape)
    )


def _built_shape(model: keras.Model) -> tuple[int | None, ...] | None:
    """The shape on which a subclassed model was built or first called, or `None`."""
    config = model.get_build_config() or {}
    shapes = config.get("shapes_dict") or {}
    shape = config.get("input_shape") or (next(iter(shapes.values())) if len(shapes) == 1 else None)
    if isinstance(shape, list | tuple) and all(size is None or isinstance(size, int) for size in shape):
        return tuple(shape)
    return None


def _check_images(model: keras.Model, known: Any) -> None:
    """Refuse a model whose input is known and is not one batch of images; name the wrapper that works."""
    if known is None or (isinstance(known, tuple) and len(known) == 4):
        return
    if not isinstance(known, tuple) or any(not (size is None or isinstance(size, int)) for size in known):
        raise ValueError(
            '"model" must take one batch of images, (batch, height, width, channels). Received: inputs '
            f"{_fix_other_inputs(model, known)}"
        )
    sizes = known[1:]
    named = tuple(size or name for size, name in zip(sizes, ("A", "B", "C", "D", "E")))
    shown = str(named).replace("'", "")
    if len(sizes) == 2:
        shape, call = f"({named[0]}, {named[1]}, 1)", "image[..., 0]"
        note = "A series (length, channels) is an image of one row: keras.Input((1, length, channels)) and image[:, 0]."
    elif len(sizes) == 4:
        frames, *image = named
        shape, call = str(tuple(image)).replace("'", ""), f"keras.ops.repeat(image[:, None], {frames}, axis=1)"
        note = "All frames are then the same image."
    else:
        total = math.prod(sizes) if sizes and all(sizes) else None
        side = math.isqrt(total) if total else None
        shape = f"({side}, {side}, 1)" if side and side * side == total else "(height, width, channels)"
        call, note = f"keras.layers.Reshape({shown})(image)", "Choose a height and a width with as many values."
    raise ValueError(
        f'"model" must take one batch of images, (batch, height, width, channels). Received: inputs {known}. '
        f"Wrap it: image = keras.Input({shape}); wrapped = keras.Model(image, model({call})). {note}"
    )


def _fix_other_inputs(model: keras.Model, known: Any) -> str:
    """The inputs of a model that has several, and the code that gives all but the images a constant value."""
    structure: Any = getattr(model, "_inputs_struct", None)
    named = structure if isinstance(structure, dict) else {tensor.name: tensor for tensor in structure or ()}
    images = [name for name, tensor in named.items() if len(tensor.shape) == 4]
    images = images or [name for name, tensor in named.items() if len(tensor.shape) == 5]
    if not images:
        return f"{known}. Fix the other inputs in a new model: keras.Model(image, model([image, constant]))."
    shape = tuple(named[images[0]].shape)
    image = "image" if len(shape) == 4 else f"keras.ops.repeat(image[:, None], {shape[1] or 1}, axis=1)"
    others = {name: re.sub(r"\W", "_", name) for name in named if name != images[0]}
    values = {name: f"fixed({others[name]})" if name in others else image for name in named}
    inputs = ", ".join(f'"{name}": {value}' for name, value in values.items())
    inputs = f"{{{inputs}}}" if isinstance(structure, dict) else f"[{', '.join(values.values())}]"
    shown = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in named.items())
    arrays = ", ".join(f"{others[name]} of {named[name].dtype}" for name in others)
    return (
        f"{shown}. Wrap it: image = keras.Input({shape[-3:]}); fixed = lambda value: keras.layers.Lambda(lambda x: "
        "tf.broadcast_to(value, (tf.shape(x)[0], *value.shape)))(image); "
        f"wrapped = keras.Model(image, model({inputs})). Here, the other inputs are arrays without a batch axis: "
        f"{arrays}."
    )
