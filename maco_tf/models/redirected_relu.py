"""Gradients through ReLUs that are off, without changing the model."""

import contextlib
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from maco_tf.models.tracing import TRACING, exchanged, in_this_thread


@contextlib.contextmanager
def redirected_relus(active: tf.Tensor, model: keras.Model | None = None) -> Iterator[None]:
    """Let gradients pass through the ReLUs and ReLU6s that the model calls inside the block.

    A unit that is off everywhere at the start has a gradient of zero, and its image would never change. Where a ReLU
    passes no gradient at all for an image, the gradient is redirected to the inputs below zero that it would raise.
    Everywhere else, and while `active` is false, the gradient is the usual one. Values never change.

    All of Keras's layers, activations and operations call `tf.nn.relu` and `tf.nn.relu6`, which are exchanged inside
    the block; so is the `activation` of layers that hold one of these functions themselves. A ReLU inside a
    `tf.function` that the model traced earlier keeps its gradient. Activations such as leaky ReLU, SiLU and GELU have a
    gradient below zero and need no help.

    Args:
        active: boolean scalar tensor.
        model: the model that is called inside the block.

    Source: Lucid's `redirected_relu_grad`, which Lucid uses for the first 16 steps.
    """

    def redirected(function: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
        return in_this_thread(function, _redirected(function, active))

    with TRACING, exchanged([(owner, name, redirected) for owner, name in _holders(model)]):
        yield


def _holders(model: keras.Model | None) -> list[tuple[object, str]]:
    """`(owner, attribute)` of every place that holds `tf.nn.relu` or `tf.nn.relu6`."""
    functions = (tf.nn.relu, tf.nn.relu6)
    layers = model._flatten_layers() if model is not None else ()
    held = [
        (layer, "activation")
        for layer in layers
        if any(getattr(layer, "activation", None) is function for function in functions)
    ]
    return [(tf.nn, "relu"), (tf.nn, "relu6"), *held]


def _redirected(function: Callable[..., tf.Tensor], active: tf.Tensor) -> Callable[..., tf.Tensor]:
    """`tf.nn.relu` or `tf.nn.relu6` with the redirected gradient."""

    def relu(features: tf.Tensor, name: str | None = None) -> tf.Tensor:
        @tf.custom_gradient
        def call(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
            y = function(x, name=name)

            def gradient(upstream: tf.Tensor) -> tf.Tensor:
                # The usual gradient is zero for inputs below zero and on the plateau of ReLU6.
                passes = (x > 0) if function.__name__ == "relu" else (x > 0) & (x < 6)
                usual = tf.where(passes, upstream, tf.zeros_like(upstream))
                # The optimiser descends the loss, so a negative gradient raises the input.
                raising = tf.where((x <= 0) & (upstream < 0), upstream, usual)
                others = tuple(range(1, x.shape.rank))
                stopped = tf.reduce_all(tf.equal(usual, 0), axis=others, keepdims=True)
                return tf.where(active & stopped, raising, usual)

            return y, gradient

        return call(tf.convert_to_tensor(features))

    return relu
