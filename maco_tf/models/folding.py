"""Batch normalisation folded into the convolution before it, without touching the model."""

import contextlib

import keras
import tensorflow as tf

from maco_tf.models.tracing import TRACING, current_graph, is_traced_into


@contextlib.contextmanager
def folded_normalization(shared, outputs):
    """Normalise by the kernels of convolutions, where batch normalisation follows one, in the calls inside the block.

    At inference `BatchNormalization` is a scale and a shift of each channel, so that behind a convolution it is the
    same convolution with a scaled kernel and another bias. That saves two passes over the maps forward and one
    backward; values and gradients differ by rounding alone. The convolution itself stays in the graph for whoever reads
    it, and TensorFlow leaves it out otherwise.

    The layer's `call` is exchanged while the function is traced and put back, as in `record_outputs`. Derived classes,
    layers that train, another axis than the last, inputs of other origin, and everything inside a `tf.function` of
    the model's own are left as they are.

    Args:
        shared: set of `id(layer)` that are not folded since their convolution has other readers, which would make it
            run twice. It grows when the block ends: a second trace folds less.
        outputs: dictionary of lists of what is read besides, as `record_outputs` yields.
    """
    graph = current_graph()
    folded = []
    with TRACING:
        original = keras.layers.BatchNormalization.call

        def call(self, inputs, training=None, mask=None):
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

        keras.layers.BatchNormalization.call = call
        try:
            yield
        finally:
            keras.layers.BatchNormalization.call = original
    for layer, inputs, convolution in folded:
        own = {inputs.op} - {convolution}  # What adds the convolution's bias.
        readers = {*inputs.consumers(), *convolution.outputs[0].consumers()} - own
        if readers:
            shared.add(id(layer))


def _only_scales(layer, training, mask):
    # A class derived from it may do anything; renormalisation is left to Keras.
    return (
        type(layer) is keras.layers.BatchNormalization
        and (training is None or training is False or not layer.trainable)
        and mask is None
        and not getattr(layer, "renorm", False)
        and layer.axis in (-1, 3)
    )


def _convolution(tensor):
    """`(the convolution that made a tensor, the bias it added or None)`; `(None, None)` where there is none."""
    if not tf.is_symbolic_tensor(tensor) or tensor.graph is not current_graph():
        return None, None
    operation, bias = tensor.op, None
    if operation.type in ("BiasAdd", "AddV2") and _channels_last(operation):
        sides = list(operation.inputs)
        # Convolutions may be on both sides of a sum, and a bias on either.
        for tensor, other in (sides, sides[::-1]):
            if tensor.op.type in _CONVOLUTIONS and _one_per_channel(other, tensor.shape[-1]):
                operation, bias = tensor.op, other
                break
    if operation.type not in _CONVOLUTIONS or operation.graph is not current_graph() or not _channels_last(operation):
        return None, None
    return operation, bias


def _channels_last(operation):
    return "data_format" not in operation.node_def.attr or operation.get_attr("data_format") == b"NHWC"


def _one_per_channel(tensor, channels):
    shape = tensor.shape
    return shape.rank is not None and shape[-1:] == [channels] and shape.num_elements() == channels


def _fold(layer, operation, bias):
    """The normalised output of a convolution, in the convolution's dtype."""
    image, kernel = operation.inputs
    computed = kernel.dtype
    if kernel.op.type == "Cast" and kernel.op.inputs[0].dtype.is_floating:
        kernel = kernel.op.inputs[0]  # The weights themselves, so that they are rounded once.
    exact = tf.as_dtype(keras.backend.result_type(kernel.dtype.name, "float32"))

    def weight(variable, default):
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


# Type of operation -> how the scale of each output channel lies along its kernel.
_CONVOLUTIONS = {
    "Conv2D": lambda scale, _: scale,
    # (height, width, input channels, outputs of each): the outputs of a channel lie side by side.
    "DepthwiseConv2dNative": lambda scale, kernel: tf.reshape(scale, kernel.shape[2:]),
}
