"""Batch normalisation folded into the convolution before it, without changing the model."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from maco_tf.models.tracing import current_graph, exchanged, is_traced_into

# Type of operation -> the scales of the output channels in a shape that multiplies the kernel.
_CONVOLUTIONS: dict[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {
    "Conv2D": lambda scale, _: scale,
    # A depthwise kernel is (height, width, input channels, outputs per input channel), outputs in that order.
    "DepthwiseConv2dNative": lambda scale, kernel: tf.reshape(scale, kernel.shape[2:]),
}


@contextlib.contextmanager
def folded_normalization(shared: set[int], outputs: dict[int, list[Any]]) -> Iterator[None]:
    """Fold batch normalisation into the convolution before it in the calls made inside the block.

    At inference `BatchNormalization` scales and shifts every channel, so a convolution and its normalisation equal one
    convolution with a scaled kernel and another bias. This saves two passes over the feature maps in the forward
    direction and one in the backward direction; values and gradients differ by rounding only. The original convolution
    stays in the graph in case something reads it, and TensorFlow removes it otherwise.

    The layer's `call` is exchanged inside the block. Some normalisations are left to Keras: derived classes, layers
    that train, layers along another axis than the last, layers whose input is not a convolution, and everything inside
    a `tf.function` that the model calls.

    Args:
        shared: set of `id(layer)` of normalisations that are left to Keras because something else reads their
            convolution too, which would have to run twice. The set grows when the block ends, so a second trace folds
            fewer layers.
        outputs: outputs that are read, as `record_outputs` yields them. A normalisation of one of them is not folded.
    """
    graph = current_graph()
    folded = []

    def folding(original: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
        def call(
            self: keras.Layer, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None
        ) -> tf.Tensor:
            convolution, bias = (None, None)
            if (
                is_traced_into(graph)
                and _only_scales(self, training, mask)
                and id(self) not in shared
                and not any(value is inputs for values in outputs.values() for value in values)
            ):
                convolution, bias = _convolution(inputs)
            if convolution is None:
                return original(self, inputs, training=training, mask=mask)
            folded.append((self, inputs, convolution))
            return tf.cast(_fold(self, convolution, bias), self.compute_dtype)

        return call

    with exchanged([(keras.layers.BatchNormalization, "call", folding)]):
        yield
    for layer, inputs, convolution in folded:
        # The addition of the convolution's bias reads the convolution as well, and does not count.
        addition = {inputs.op} - {convolution}
        readers = {*inputs.consumers(), *convolution.outputs[0].consumers()} - addition
        if readers:
            shared.add(id(layer))


def _only_scales(layer: keras.Layer, training: bool | None, mask: tf.Tensor | None) -> bool:
    """Whether a normalisation only scales and shifts the channels of its input."""
    # A derived class may compute anything, hence the comparison of types.
    return (
        type(layer) is keras.layers.BatchNormalization
        and (training is None or training is False or not layer.trainable)
        and mask is None
        and not getattr(layer, "renorm", False)
        and layer.axis in (-1, 3)
    )


def _convolution(tensor: tf.Tensor) -> tuple[tf.Operation | None, tf.Tensor | None]:
    """The convolution that computed a tensor and the bias added to it, either of which may be `None`."""
    if not tf.is_symbolic_tensor(tensor) or tensor.graph is not current_graph():
        return None, None
    operation, bias = tensor.op, None
    if operation.type in ("BiasAdd", "AddV2") and _channels_last(operation):
        sides = list(operation.inputs)
        # Either side of a sum may be the convolution, and so may both.
        for tensor, other in (sides, sides[::-1]):
            if tensor.op.type in _CONVOLUTIONS and _one_per_channel(other, tensor.shape[-1]):
                operation, bias = tensor.op, other
                break
    if operation.type not in _CONVOLUTIONS or operation.graph is not current_graph() or not _channels_last(operation):
        return None, None
    return operation, bias


def _channels_last(operation: tf.Operation) -> bool:
    return "data_format" not in operation.node_def.attr or operation.get_attr("data_format") == b"NHWC"


def _one_per_channel(tensor: tf.Tensor, channels: int | None) -> bool:
    """Whether a tensor holds one number for every channel."""
    shape = tensor.shape
    return shape.rank is not None and shape[-1:] == [channels] and shape.num_elements() == channels


def _fold(layer: keras.Layer, operation: tf.Operation, bias: tf.Tensor | None) -> tf.Tensor:
    """The normalised output of a convolution, in the convolution's dtype."""
    image, kernel = operation.inputs
    computed = kernel.dtype
    if kernel.op.type == "Cast" and kernel.op.inputs[0].dtype.is_floating:
        kernel = kernel.op.inputs[0]  # The weights before the cast, so that rounding happens only once.
    exact = tf.as_dtype(keras.backend.result_type(kernel.dtype.name, "float32"))

    def weight(variable: keras.Variable | None, default: float | None) -> Any:
        return default if variable is None else tf.cast(tf.convert_to_tensor(variable), exact)

    scale = tf.math.rsqrt(weight(layer.moving_variance, None) + layer.epsilon) * weight(layer.gamma, 1.0)
    mean = weight(layer.moving_mean, None)
    shift = weight(layer.beta, 0.0) + scale * (-mean if bias is None else tf.cast(tf.reshape(bias, [-1]), exact) - mean)
    kernel = tf.cast(kernel, exact) * _CONVOLUTIONS[operation.type](scale, kernel)
    arguments = {
        name: operation.get_attr(name)
        for name in ("strides", "padding", "explicit_paddings", "data_format", "dilations")
    }
    arguments = {name: value.decode() if isinstance(value, bytes) else value for name, value in arguments.items()}
    convolve = getattr(tf.raw_ops, operation.type)
    maps = convolve(input=image, filter=tf.cast(kernel, computed), **arguments)
    return tf.nn.bias_add(maps, tf.cast(shift, computed))
