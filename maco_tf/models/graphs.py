"""Which graph is being traced."""

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
