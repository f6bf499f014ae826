"""The precision in which a network computes: the dtype of its layers, and TensorFloat-32."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from maco_tf.checks import check_choice, warn_user
from maco_tf.models.tracing import TRACING, current_graph, exchanged, is_traced_for, is_traced_into

COMPUTE_DTYPES = ("float32", "bfloat16", "float16")
_HALVES = ("bfloat16", "float16")
_IMAGE_LAYERS = (keras.layers.Rescaling, keras.layers.Normalization)


def check_compute_dtype(model: keras.Model, dtype: str, *, received: str | None = None) -> None:
    """Check that a model can compute in a precision, without computing anything.

    Args:
        model: the model.
        dtype: one of `COMPUTE_DTYPES`.
        received: the user's argument, for the error, if it is not the dtype itself.

    Raises:
        ValueError: there is no such dtype, or the model is quantised.
    """
    check_choice("precision", dtype, COMPUTE_DTYPES)
    for layer in model._flatten_layers():
        if layer.quantization_mode is not None:
            raise ValueError(
                f'"precision" must be None for a quantised model. Received: {received or dtype!r}, and {layer.name!r} '
                f"has {layer.quantization_mode} weights, whose scales hold for one precision only. Pass the model from "
                "before the quantisation."
            )


def computes_in(model: keras.Model, dtype: str) -> bool:
    """Whether some layer of a model computes in a dtype by its own policy."""
    return any(layer.compute_dtype == dtype for layer in model._flatten_layers())


@contextlib.contextmanager
def computing_in(model: keras.Model, dtype: str | None) -> Iterator[None]:
    """Let a model compute in a precision in the calls that are traced inside the block.

    The weights do not change: a Keras layer casts its variables when it computes in another dtype than theirs. The
    dtype of a layer's computation is given by its dtype policy, which is exchanged inside the block. The exchanged
    policy holds only for the graph that is being traced. Other threads, eager calls and a `tf.function` inside the
    model, whose trace serves other callers too, use the layer's own policy.

    All layers that compute in floating point are exchanged, with two exceptions for the half precisions. `Rescaling`
    and `Normalization` see the image itself, which would lose fine detail if it were rounded before its mean is
    subtracted. In a model that computes in a half precision by its own policies, the layers that compute in float32 do
    so on purpose, and keep it.

    Args:
        model: a built model that is not quantised.
        dtype: one of `COMPUTE_DTYPES`; `None` leaves the model unchanged.
    """
    if dtype is None:
        yield
        return
    graph = current_graph()
    missed: list[keras.Layer] = []

    def policy_for(layer: keras.Layer) -> Callable[[Any], "_PolicyInGraph"]:
        return lambda _: _PolicyInGraph(layer, dtype, graph, missed)

    # The attribute behind `dtype_policy`: the property's setter would write into maps of policies that layers share.
    with TRACING, exchanged([(layer, "_dtype_policy", policy_for(layer)) for layer in _exchanged_layers(model, dtype)]):
        yield
    if missed:
        warn_user(
            f"{dtype} does not reach {missed[0].name!r}, which computes in {missed[0].compute_dtype}: the model calls "
            "it inside a tf.function. Remove that decorator."
        )


def _exchanged_layers(model: keras.Model, dtype: str) -> list[keras.Layer]:
    """The layers whose policy is exchanged for a dtype."""
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
    """A layer's dtype policy, with another compute dtype in one graph.

    Args:
        layer: the layer.
        dtype: the compute dtype in the graph.
        graph: the graph.
        missed: list to which the layer is added when it is called for this graph but inside another `tf.function`.
    """

    def __init__(self, layer: keras.Layer, dtype: str, graph: tf.Graph, missed: list[keras.Layer]) -> None:
        super().__init__(layer.variable_dtype)
        self._usual_dtype = layer.compute_dtype
        self._layer, self._exchanged_dtype, self._graph, self._missed = layer, dtype, graph, missed

    @property
    def compute_dtype(self) -> str:
        if is_traced_into(self._graph):
            return self._exchanged_dtype
        if is_traced_for(self._graph):
            self._missed.append(self._layer)
        return self._usual_dtype


@contextlib.contextmanager
def tensor_float_32(enabled: bool | None) -> Iterator[None]:
    """Switch TensorFloat-32 on or off for everything that runs inside the block, and restore it afterwards.

    TensorFloat-32 has the range of float32 and 10 of its 23 bits of precision. TensorFlow has a single switch for the
    whole process and reads it when operations run, so the block must surround the run and not the tracing. Devices
    without TensorFloat-32 compute in float32.

    Args:
        enabled: whether it is on; `None` leaves the switch unchanged.
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
