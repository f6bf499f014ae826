"""Gradients through dead ReLUs, without touching the model."""

import contextlib

import tensorflow as tf

from maco_tf.models.tracing import TRACING


@contextlib.contextmanager
def redirected_relus(active, model=None):
    """Let gradients through the ReLUs and ReLU6s that the model calls inside the block.

    A unit that is off everywhere at the start has a zero gradient, and its image would stay what it was. Where a
    ReLU passes no gradient at all for an image, the gradient goes on to those inputs that are below zero and that it
    would raise; everywhere else, and for `active` false, it is the usual one. The values never change.

    Keras's layers, activations and operations all come down to `tf.nn.relu` and `tf.nn.relu6`, which are
    exchanged while the function is traced and put back, as is the `activation` of layers that hold one of these
    functions themselves. A ReLU inside a `tf.function` of the model's own that was traced before keeps its
    gradient, and other activations such as leaky ReLU, SiLU or GELU need no help.

    Args:
        active: boolean scalar tensor.
        model: the `keras.Model` that is called inside the block.

    Source: Lucid's `redirected_relu_grad`, active there for 16 steps.
    """
    with TRACING:
        originals = {name: getattr(tf.nn, name) for name in ("relu", "relu6")}
        for name, function in originals.items():
            setattr(tf.nn, name, _redirected(function, active))
        holders = [
            (layer, layer.activation)
            for layer in (model._flatten_layers() if model is not None else ())
            if any(getattr(layer, "activation", None) is function for function in originals.values())
        ]
        for layer, function in holders:
            layer.activation = getattr(tf.nn, function.__name__)
        try:
            yield
        finally:
            for layer, function in holders:
                layer.activation = function
            for name, function in originals.items():
                setattr(tf.nn, name, function)


def _redirected(function, active):
    def relu(features, name=None):
        @tf.custom_gradient
        def call(x):
            y = function(x, name=name)

            def gradient(upstream):
                # What ReLU passes: nothing below zero, nor at the plateau of ReLU6.
                passes = (x > 0) if function.__name__ == "relu" else (x > 0) & (x < 6)
                usual = tf.where(passes, upstream, tf.zeros_like(upstream))
                # The loss is descended: a negative gradient raises the input.
                raising = tf.where((x <= 0) & (upstream < 0), upstream, usual)
                others = tuple(range(1, x.shape.rank))
                stopped = tf.reduce_all(tf.equal(usual, 0), axis=others, keepdims=True)
                return tf.where(active & stopped, raising, usual)

            return y, gradient

        return call(tf.convert_to_tensor(features))

    return relu
