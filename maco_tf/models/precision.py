"""A network computing in another precision than its own, without touching the model."""

import contextlib
import warnings

import keras
import tensorflow as tf

from maco_tf.models.tracing import TRACING, current_graph, is_traced_for, is_traced_into

COMPUTE_DTYPES = ("float32", "bfloat16", "float16")
_HALVES = ("bfloat16", "float16")
_IMAGE_LAYERS = (keras.layers.Rescaling, keras.layers.Normalization)


def check_compute_dtype(model, dtype, *, received=None):
    """Refuse a precision that a model cannot compute in, without computing anything.

    Args:
        model: a `keras.Model`.
        dtype: one of `COMPUTE_DTYPES`.
        received: what the user gave, for the error, where it is not the dtype itself.

    Raises:
        ValueError: it is none of them, or the model is quantised.
    """
    if dtype not in COMPUTE_DTYPES:
        raise ValueError(f'"precision" must be one of {", ".join(map(repr, COMPUTE_DTYPES))}. Received: {dtype!r}.')
    for layer in model._flatten_layers():
        if layer.quantization_mode is not None:
            raise ValueError(
                f'"precision" must be None for a quantised model. Received: {received or dtype!r}, and {layer.name!r} '
                f"has {layer.quantization_mode} weights, whose scales belong to the precision they were made for. Take "
                "the model as it was before."
            )


def computes_in(model, dtype):
    """Whether some layer of a model computes in a dtype of itself."""
    return any(layer.compute_dtype == dtype for layer in model._flatten_layers())


@contextlib.contextmanager
def computing_in(model, dtype):
    """Let a model compute in a precision in the calls traced inside the block.

    Its weights stay its own: Keras's layers read them through a cast where they compute in another dtype than their
    variables have. What a layer computes in is its dtype policy, which is exchanged while the function is traced and
    put back. The exchanged policy holds for the graph being traced alone: other threads, eager calls and functions of
    the model's own, which keep their traces for others, see the layer's.

    Every layer that computes in floating point is exchanged, but for halves not `Rescaling` and `Normalization`, which
    see the image itself: rounded before its mean is taken off, it loses what is fine. In a model that computes in
    halves itself, those layers that compute in float32 do so on purpose, and keep it for other halves too.

    Args:
        model: a built `keras.Model` that is not quantised.
        dtype: one of `COMPUTE_DTYPES`; `None` leaves the model as it is.
    """
    if dtype is None:
        yield
        return
    graph, missed = current_graph(), []
    with TRACING:
        exchanged = [(layer, vars(layer)["_dtype_policy"]) for layer in _exchanged_layers(model, dtype)]
        try:
            for layer, _ in exchanged:
                # Not by Keras's setter, which writes into maps of policies that layers share.
                vars(layer)["_dtype_policy"] = _PolicyInGraph(layer, dtype, graph, missed)
            yield
        finally:
            for layer, policy in exchanged:
                vars(layer)["_dtype_policy"] = policy
    if missed:
        warnings.warn(
            f"{missed[0].name!r} is called inside a tf.function of the model's own, which keeps its precision, "
            f"{missed[0].compute_dtype}: {dtype} does not reach it. Take that decorator off.",
            stacklevel=2,
        )


def _exchanged_layers(model, dtype):
    layers = {
        id(layer): layer
        for layer in model._flatten_layers()
        if keras.backend.is_float_dtype(layer.compute_dtype) and layer.compute_dtype != dtype
    }
    if dtype not in _HALVES:
        return list(layers.values())
    mixed = any(computes_in(model, half) for half in _HALVES)
    return [
        layer
        for layer in layers.values()
        if not (layer.compute_dtype == "float32" and (mixed or isinstance(layer, _IMAGE_LAYERS)))
    ]


class _PolicyInGraph(keras.DTypePolicy):
    """A layer's policy, with another compute dtype in one graph."""

    def __init__(self, layer, dtype, graph, missed):
        super().__init__(layer.variable_dtype)
        self._own = layer.compute_dtype
        self._layer, self._exchanged, self._graph, self._missed = layer, dtype, graph, missed

    @property
    def compute_dtype(self):
        if is_traced_into(self._graph):
            return self._exchanged
        if is_traced_for(self._graph):
            self._missed.append(self._layer)
        return self._own


@contextlib.contextmanager
def tensor_float_32(enabled):
    """Switch TensorFloat-32 on or off for what runs inside the block, and put it back.

    It has float32's range and 10 bits of its 23. TensorFlow reads the switch, one for the whole process, when
    operations run, so the block goes around the run and not around the tracing. Devices without it compute in float32.

    Args:
        enabled: boolean; `None` leaves the switch as it is.
    """
    if enabled is None:
        yield
        return
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(enabled)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)
