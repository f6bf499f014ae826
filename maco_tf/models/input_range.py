"""The input range that a model expects, read from the layers at its input, its name and its batch norms."""

import dataclasses
import re
import threading
import weakref
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.models.input_shape import declared_batch
from maco_tf.models.layers import layer_paths
from maco_tf.models.probing import first_input, misfit, natural_image

# Modes of `keras.applications`' published weights, for networks without preprocessing layers, by the network's name:
# (pattern, mode). Networks whose preprocessing is inside are read from their layers and are missing here.
_FAMILIES = (
    (r"resnet\d+v2", "tf"),
    (r"resnet(50|101|152)", "caffe"),
    (r"vgg(16|19)", "caffe"),
    (r"densenet(121|169|201)", "torch"),
    (r"convnext_(tiny|small|base|large|xlarge)", "torch"),
    (r"efficientnetv2-b\d", "torch"),
    (r"(inception_v3|inception_resnet_v2|xception|nasnet.*|mobilenet_\d\.\d+_\d+|mobilenetv2_\d\.\d+_\d+)", "tf"),
    (r"(mobilenetv3(small|large)|efficientnetv2-[sml])", "tf"),
)
# Classes of the published weights.
_IMAGENET = 1000

# Median |log(variance / moving variance)| over the channels of the first batch norm. Measured on EfficientNet-Lite0,
# EfficientNet-Lite2 and MobileNetV2: 0.5 to 0.9 in the right range, 5.7 with images divided by 255, 10.6 with images
# multiplied by 255. "tf" and "torch" cannot be told from [0, 1], with 0.9 to 2.6.
_FITS, _MISFITS = 2.0, 3.5


@dataclasses.dataclass
class InputRange:
    """What is known about a model's input range.

    Attributes:
        mode: `None` for images in [0, 1], or a mode of `as_preprocessing`.
        reason: why, as the end of a sentence; empty if nothing was found.
        doubt: a warning for the user, or an empty text.
        told: whether the user has been warned.
        said: whether the sentence has been printed.
    """

    mode: str | None = None
    reason: str = ""
    doubt: str = ""
    told: bool = False
    said: bool = False

    @property
    def sentence(self) -> str:
        """One line about a range other than [0, 1]; empty otherwise."""
        return f"Input range: preprocessing={self.mode!r}, because {self.reason}." if self.mode else ""

    def say(self) -> None:
        """Print the sentence, if there is one and it has not been printed."""
        with _LOCK:
            said, self.said = self.said, True
        if self.sentence and not said:
            print(self.sentence)


_FOUND: "weakref.WeakKeyDictionary[keras.Model, tuple[tuple[Any, ...], InputRange]]" = weakref.WeakKeyDictionary()
_LOCK = threading.RLock()


def find_input_range(model: keras.Model, input_shape: Sequence[int]) -> InputRange:
    """Find the input range that a model expects.

    The model is called on grey images up to its first layer with weights, which gives the affine map `a x + b` that it
    applies to the image. A map such as `x / 255` tells the range. If there is none, the name of a `keras.applications`
    network does, and the first batch norm shows whether the range is wrong by a large factor. Where a model with
    weights shows no such layer, as one loaded from a SavedModel, the range is doubtful. The result is kept for
    each model until its normalisation changes.

    Args:
        model: a built model.
        input_shape: `(height, width, channels)` of its input.

    Returns:
        An `InputRange`.
    """
    shape = tuple(input_shape)
    # Inside a tf.function, the model must still be called eagerly.
    with _LOCK, tf.init_scope():
        if not tf.executing_eagerly():
            return InputRange()
        key = (shape, *_statistics(model))
        known = _FOUND.get(model)
        if known is None or known[0] != key:
            known = _FOUND[model] = (key, _find(model, shape))
        return known[1]


def _statistics(model: keras.Model) -> list[bytes]:
    """The weights that decide, so that a model is read again after `adapt`, training or loading."""
    layers = model._flatten_layers()
    normalizing = [item for item in layers if isinstance(item, keras.layers.Normalization)]
    norms = [item for item in layers if isinstance(item, keras.layers.BatchNormalization)][:1]
    return [np.asarray(variable).tobytes() for layer in normalizing + norms for variable in layer.variables]


def _find(model: keras.Model, shape: tuple[int, ...]) -> InputRange:
    try:
        batch = declared_batch(model) or 1
        probed = [first_input(model, np.full((batch, *shape), value, "float32")) for value in (0.0, 0.5, 1.0)]
    except Exception:
        # A model that cannot be called on one image fails later, with its error.
        return InputRange()
    reached = [probe for probe in probed if probe is not None]
    if not reached and model.variables:
        return InputRange(
            doubt=f"The input range of {model.name!r} could not be read, because no Keras layer with weights sees the "
            'image. Images in [0, 1] are used. Pass preprocessing="0-255", "tf", "torch", "caffe" or a function if the '
            "model takes others, or preprocessing=None for [0, 1]."
        )
    if len(reached) < len(probed):
        return InputRange()
    low, middle, high = (np.asarray(values, "float64") for values, _ in reached)
    changed = any(change for _, change in reached)
    if low.shape != high.shape or not np.isfinite([low, middle, high]).all():
        return InputRange()
    slope, offset = high - low, low
    inner = np.abs(slope) > 0.5 * np.abs(slope).max()  # The rest is padding.
    if not np.abs(slope).max() > 0 or np.abs(middle - (low + high) / 2)[inner].max() > 0.02 * np.abs(slope).max():
        return InputRange()
    slope, offset = slope[inner], offset[inner]
    if not changed and np.allclose(slope, 1, atol=1e-3) and np.allclose(offset, 0, atol=1e-3):
        return _without_layers(model, shape)
    return _from_map(slope, offset)


def _from_map(slope: np.ndarray, offset: np.ndarray) -> InputRange:
    """The range from the affine map that a model applies to its image.

    Args:
        slope: array (values,), not 0.
        offset: array (values,).
    """
    # Decided by the input that the network sees as 0, and by the input that moves the result by 1.
    centre, gain = float(np.median(-offset / slope)), float(np.median(np.abs(slope)))
    shift = float(np.median(offset))
    added = f" {'-' if shift < 0 else '+'} {abs(shift):.4g}" if shift else ""
    seen = f"its first layers compute {float(np.median(slope)):.4g} x{added}"
    if centre > 5 or gain < 0.1:
        scaled, shifted = 0.0015 < gain <= 0.2 and -30 <= centre <= 285, gain <= 1.5 and 30 <= centre <= 225
        if scaled or shifted:
            return InputRange("0-255", seen)
        return InputRange(
            doubt=f"The model may not take images in [0, 1] or [0, 255]: {seen} on a pixel x. Images in [0, 1] are "
            f"used. If its range is another one, pass it, as in preprocessing=lambda x: {1 / gain:.6g} * x; if it is "
            "[0, 1], pass preprocessing=None."
        )
    # The centre of natural images is about 0 in [-1, 1], and -1 is black.
    if abs(centre + 1) < 0.05:
        return InputRange("tf", seen)
    if offset.any() and gain < 10 and centre < -0.2:
        return InputRange(
            doubt=f"The model seems to take images in [-1, 1]: {seen} on a pixel x. Images in [0, 1] are used. Pass "
            'preprocessing="tf" for [-1, 1], or preprocessing=None for [0, 1].'
        )
    return InputRange()


def _without_layers(model: keras.Model, shape: tuple[int, ...]) -> InputRange:
    """The range of a model that does not change its image: from its name and its batch norms."""
    if shape[2] != 3:
        return InputRange()
    family, mode, published = _family(model)
    converter: Any = getattr(getattr(model, "preprocessor", None), "image_converter", None)
    if mode is None and getattr(converter, "scale", None) is not None:
        return InputRange(
            doubt=f"{model.name!r} has a preprocessor outside the model, and images in [0, 1] are used. Pass the "
            f"preprocessor's scale and offset: preprocessing=lambda x: 255 * x * {_numbers(converter.scale)} + "
            f"{_numbers(getattr(converter, 'offset', None) or 0)}; or preprocessing=None for [0, 1]."
        )
    image = np.repeat(natural_image(shape), declared_batch(model) or 1, axis=0)
    unit = misfit(model, image)
    if mode is not None:
        fit = None if unit is None else misfit(model, _converted(image, mode))
        if unit is not None and fit is not None and unit < _FITS and fit > _MISFITS:
            # Trained on other images than the published weights.
            return InputRange()
        wrong = unit is not None and fit is not None and unit > _MISFITS and fit < _FITS
        if published or wrong:
            return InputRange(mode, f"it is {family} of keras.applications")
        return InputRange(
            doubt=f"The model contains {family} of keras.applications, whose published weights take "
            f'preprocessing="{mode}", but nothing at its input shows whether its images are converted. Images in '
            f'[0, 1] are used. Pass preprocessing="{mode}", or preprocessing=None for [0, 1].'
        )
    large = misfit(model, 255 * image) if unit is not None and unit > _MISFITS else None
    if unit is not None and large is not None and large < _FITS:
        return InputRange(
            doubt="The model does not seem to take images in [0, 1]: the variances at its first batch norm differ by "
            f"a factor of {np.exp(unit):.0f} from those of its training, and by {np.exp(large):.1f} with images in "
            '[0, 255]. Pass preprocessing="0-255" ("caffe" if the mean was subtracted outside the model), or '
            "preprocessing=None for [0, 1]."
        )
    return InputRange()


def _numbers(values: Any) -> str:
    """Numbers as a Python expression."""
    return str(np.round(np.asarray(values, "float64"), 6).tolist())


def _converted(image: np.ndarray, mode: str) -> np.ndarray:
    """Images in [0, 1] in one of Keras's modes."""
    return np.asarray(keras.applications.imagenet_utils.preprocess_input(255.0 * image, mode=mode))


def _family(model: keras.Model) -> tuple[str, str | None, bool]:
    """`(name, mode, whether the weights may be the published ones)` of a network of `keras.applications`."""
    inside = [path for path in layer_paths(model).values() if isinstance(path, keras.Model)]
    for candidate in (model, *inside):
        for pattern, mode in _FAMILIES:
            if re.fullmatch(pattern, candidate.name.lower()):
                last = candidate.layers[-1] if candidate.layers else None
                own = isinstance(last, keras.layers.Dense) and last.units != _IMAGENET
                return candidate.name, mode, candidate is model and not own
    return "", None, False
