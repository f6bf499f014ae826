"""While a function is traced: which graph is current, and functions of Keras exchanged for that time."""

import contextlib
import threading

import keras
import tensorflow as tf


def current_graph():
    """The graph that operations are added to now."""
    return tf.compat.v1.get_default_graph()


def is_traced_into(graph):
    """Whether what runs now becomes part of a graph, or of a loop or a branch in it.

    A `tf.function` that is first called while the graph is traced does not: it keeps its trace and gives it to other
    callers as well, so what is exchanged for one graph must not get into it.

    Args:
        graph: what `current_graph` returned where the tracing began.
    """
    if tf.executing_eagerly():
        return False  # As under `tf.init_scope`, where the graph is still the current one.
    current = current_graph()
    # Bodies of loops and branches are of classes derived from that of functions.
    while current is not graph and type(current) is not tf.__internal__.FuncGraph and _outer(current) is not None:
        current = _outer(current)
    return current is graph


def is_traced_for(graph):
    """Whether what runs now is called while a graph is traced, inside functions of its own included."""
    if tf.executing_eagerly():
        return False
    current = current_graph()
    while current is not graph and _outer(current) is not None:
        current = _outer(current)
    return current is graph


def _outer(graph):
    return getattr(graph, "outer_graph", None)


# One trace at a time exchanges functions of Keras or TensorFlow.
TRACING = threading.RLock()


@contextlib.contextmanager
def record_outputs(operations):
    """Collect the outputs of some operations during the calls made inside the block.

    Every layer of every kind of model is called through `keras.Operation.__call__`. It is wrapped here for the
    duration of the block, which is the tracing of a function, and put back: no layer is changed or keeps a hook.

    Args:
        operations: layers or operations.

    Yields:
        Dictionary, `id(operation)` -> list with the output of each of its calls, in order.
    """
    outputs = {id(operation): [] for operation in operations}

    with TRACING:
        call = keras.Operation.__call__

        def recording(self, *args, **kwargs):
            result = call(self, *args, **kwargs)
            if id(self) in outputs:
                outputs[id(self)].append(result)
            return result

        keras.Operation.__call__ = recording
        try:
            yield outputs
        finally:
            keras.Operation.__call__ = call
