"""While a function is traced: exchange attributes of Keras and TensorFlow for a while, and recognise the graph."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf

# Only one thread at a time may exchange attributes, which all threads share.
TRACING = threading.RLock()


@contextlib.contextmanager
def exchanged(replacements: Iterable[tuple[Any, str, Callable[[Any], Any]]]) -> Iterator[None]:
    """Exchange attributes of classes, modules or layers inside the block, and put the originals back afterwards.

    The originals return even when an exception occurs, be it in the block or while the attributes are being exchanged.
    The lock `TRACING` is held from before the originals are read until they are back.

    Args:
        replacements: tuples `(owner, name, replace)`; `replace` maps the original attribute to its replacement.
    """
    with TRACING, contextlib.ExitStack() as originals:
        for owner, name, replace in replacements:
            original = getattr(owner, name)
            originals.callback(setattr, owner, name, original)
            setattr(owner, name, replace(original))
        yield


def in_this_thread(original: Callable[..., Any], replacement: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is the replacement in this thread, and the original in other threads.

    All threads share the attributes that are exchanged, and others may call the model meanwhile.

    Args:
        original: the function before the exchange.
        replacement: the function that replaces it here.
    """
    here = threading.get_ident()

    def call(*args: Any, **kwargs: Any) -> Any:
        return (replacement if threading.get_ident() == here else original)(*args, **kwargs)

    return call


@contextlib.contextmanager
def record_outputs(operations: Iterable[keras.Operation]) -> Iterator[dict[int, list[Any]]]:
    """Record the outputs of some operations during the calls made inside the block.

    Every layer of every kind of model is called through `keras.Operation.__call__`, which is wrapped inside the block.
    The layers themselves do not change and keep no hook.

    Args:
        operations: layers or operations.

    Yields:
        Dictionary, `id(operation)` -> list of the outputs of its calls, in order.
    """
    outputs: dict[int, list[Any]] = {id(operation): [] for operation in operations}

    def recording(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(self: keras.Operation, *args: Any, **kwargs: Any) -> Any:
            result = call(self, *args, **kwargs)
            if id(self) in outputs:
                outputs[id(self)].append(result)
            return result

        return in_this_thread(call, wrapper)

    with exchanged([(keras.Operation, "__call__", recording)]):
        yield outputs


def current_graph() -> tf.Graph:
    """The graph to which operations are being added."""
    return tf.compat.v1.get_default_graph()


def is_traced_into(graph: tf.Graph) -> bool:
    """Whether the current operations become part of a graph, or of a loop or branch inside it.

    They do not if a `tf.function` is being traced that was called for the first time in that graph. Such a function
    keeps its trace and uses it for other callers too, so a replacement meant for one graph must not enter it.

    Args:
        graph: the result of `current_graph` where the tracing began.
    """
    for current in _surrounding_graphs():
        # The bodies of loops and branches have classes derived from `FuncGraph`, the class of a function's graph.
        if current is graph or type(current) is tf.__internal__.FuncGraph:
            return current is graph
    return False


def is_traced_for(graph: tf.Graph) -> bool:
    """Whether a graph is being traced, directly or through a `tf.function` that is called in it.

    Args:
        graph: the result of `current_graph` where the tracing began.
    """
    return any(current is graph for current in _surrounding_graphs())


def _surrounding_graphs() -> Iterator[tf.Graph]:
    """The current graph, then the graphs around it, outwards; none where operations run eagerly."""
    # Under `tf.init_scope` operations run eagerly, but the outer graph remains the current one.
    graph = None if tf.executing_eagerly() else current_graph()
    while graph is not None:
        yield graph
        graph = getattr(graph, "outer_graph", None)
