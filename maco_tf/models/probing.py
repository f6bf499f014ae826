"""Measurements at the first layers of a model, which is called eagerly and stopped there."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.models.input_shape import as_input
from maco_tf.models.tracing import exchanged

# Layers with weights up to the first batch norm. Later ones do not show the range, because activations saturate.
_DEEPEST = 8


def natural_image(shape: Sequence[int]) -> np.ndarray:
    """Noise with the power spectrum and the mean of natural images, always the same.

    Args:
        shape: `(height, width, channels)`.

    Returns:
        Array (1, height, width, channels), float32 in [0, 1].
    """
    height, width, channels = shape
    rng = np.random.default_rng(0)
    # Channels of natural images differ little.
    noise = rng.normal(size=(1, height, width)) + 0.3 * rng.normal(size=(channels, height, width))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequency[0, 0] = np.inf
    waves = np.fft.irfft2(np.fft.rfft2(noise) / frequency, s=(height, width))
    # ImageNet's mean and standard deviation.
    image = 0.45 + 0.225 * waves / max(waves.std(), 1e-12)
    return np.clip(image, 0, 1).transpose(1, 2, 0)[None].astype("float32")


class _Reached(BaseException):
    """Ends a call of a model early. Keras rewrites exceptions of the class `Exception`, and not this one."""


# `visit(operation, its input, call)`; the input is not symbolic.
_Visit = Callable[[keras.Operation, Any, Callable[[], Any]], Any]


@contextlib.contextmanager
def _watching(visit: _Visit) -> Iterator[None]:
    """Send every call of an operation by this thread through `visit`."""
    thread = threading.get_ident()

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(self: keras.Operation, *args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != thread:
                return call(self, *args, **kwargs)
            return visit(self, [*args, *kwargs.values(), None][0], lambda: call(self, *args, **kwargs))

        return wrapper

    with exchanged([(keras.Operation, "__call__", watched)]):
        yield


def _call(model: keras.Model, images: np.ndarray, visit: _Visit) -> None:
    """Call a model eagerly until a visit ends the call, without a change to its variables.

    Layers inside a `tf.function` show no values, or are not called at all. So a call that no visit ends is repeated
    with all functions run eagerly. TensorFlow has one switch for all threads, which changes no result.
    """

    def visible(operation: keras.Operation, tensor: Any, call: Callable[[], Any]) -> Any:
        symbolic = tf.is_tensor(tensor) and tf.is_symbolic_tensor(tensor)
        return call() if symbolic else visit(operation, tensor, call)

    def run() -> None:
        with keras.StatelessScope(collect_losses=True):
            model(as_input(model, tf.constant(images)), training=False)

    before = tf.config.functions_run_eagerly()
    with contextlib.suppress(_Reached), _watching(visible):
        run()
        tf.config.run_functions_eagerly(True)
        try:
            run()
        finally:
            tf.config.run_functions_eagerly(before)


def first_input(model: keras.Model, images: np.ndarray) -> tuple[np.ndarray, bool] | None:
    """What the first layer with weights is given.

    Args:
        model: a model.
        images: array (batch, height, width, channels), in the range of the model's input.

    Returns:
        `(input of that layer, whether a layer before it changed the values)`; `None` if no such layer is reached.
    """
    found: list[Any] = []
    changed = False

    def visit(operation: keras.Operation, tensor: Any, call: Callable[[], Any]) -> Any:
        nonlocal changed
        simple = tf.is_tensor(tensor) and tensor.dtype.is_floating
        # A model of plain operations and a SavedModel may convert their images where it cannot be seen.
        opaque = operation is model or isinstance(operation, keras.layers.TFSMLayer)
        if simple and not opaque and _has_kernel(operation):
            found.append(tensor)
            raise _Reached
        result = call()
        # `255 x / 255` is the identity, and says that the model takes [0, 1].
        if simple and tf.is_tensor(result) and not tf.is_symbolic_tensor(result) and _is_leaf(operation):
            before, after = (float(tf.reduce_max(tf.cast(value, tf.float32))) for value in (tensor, result))
            changed |= abs(after - before) > 1e-3 * max(abs(before), 1e-3)
        return result

    _call(model, images, visit)
    return (tf.cast(found[0], tf.float32).numpy(), changed) if found else None


def _is_leaf(operation: keras.Operation) -> bool:
    return not isinstance(operation, keras.Layer) or not list(
        operation._flatten_layers(include_self=False, recursive=False)
    )


def _has_kernel(operation: keras.Operation) -> bool:
    """Whether an operation is a layer that was made to be trained. A batch norm only scales the image."""
    if not isinstance(operation, keras.Layer) or isinstance(operation, keras.layers.BatchNormalization):
        return False
    # The list keeps the weights of a frozen layer.
    return _is_leaf(operation) and bool(operation._trainable_variables or operation.quantization_mode)


def misfit(model: keras.Model, images: np.ndarray) -> float | None:
    """How far the variances at the first batch norm are from its moving variances.

    Args:
        model: a model.
        images: array (1, height, width, channels) with natural statistics, in the model's range.

    Returns:
        The median of |log(variance / moving variance)| over the channels; `None` if there is no batch norm among the
        first layers, or it has not been trained.
    """
    misfits: list[float] = []
    layers = 0

    def visit(operation: keras.Operation, tensor: Any, call: Callable[[], Any]) -> Any:
        nonlocal layers
        layers += _has_kernel(operation)
        if layers > _DEEPEST:
            raise _Reached
        if type(operation) is keras.layers.BatchNormalization and tf.is_tensor(tensor):
            misfits.extend(_misfits_of(operation, np.asarray(tf.cast(tensor, tf.float32), "float64")))
            raise _Reached
        return call()

    with contextlib.suppress(Exception):
        if any(isinstance(layer, keras.layers.BatchNormalization) for layer in model._flatten_layers()):
            _call(model, images, visit)
    return float(np.median(misfits)) if misfits else None


def _misfits_of(norm: keras.layers.BatchNormalization, values: np.ndarray) -> np.ndarray:
    """|log(variance / moving variance)| of each channel; none if the batch norm has not been trained."""
    moving = np.asarray(norm.moving_variance, "float64")
    if np.allclose(moving, 1) and np.allclose(norm.moving_mean, 0):
        return np.zeros(0)
    axes = tuple(axis for axis in range(values.ndim) if axis != norm.axis % values.ndim)
    live = moving > 1e-8
    return np.abs(np.log(np.maximum(values.var(axis=axes)[live], 1e-12) / moving[live]))
