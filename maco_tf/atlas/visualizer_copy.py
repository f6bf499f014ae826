"""A visualizer as bytes, with its model, for a process that knows neither the model's file nor the user's script."""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import keras

from maco_tf.visualizers.visualizer import Visualizer

_REMEDY = (
    "Put your own layers and functions into a module that every machine can import, or explain in one process, without "
    '"workers" and "ray".'
)


def pack(visualizer: Visualizer) -> bytes:
    """A visualizer with its model as bytes.

    Models go through Keras's own serialisation, which keeps the bits of the weights. Classes and functions of the
    user's script, and of files that the command imported, are sent along. Others must be importable.

    Args:
        visualizer: a `Visualizer`.

    Returns:
        Bytes for `unpack`.

    Raises:
        ValueError: Keras cannot save the model, or a setting cannot be sent.
    """
    from ray import cloudpickle

    for module in _own_modules():
        cloudpickle.register_pickle_by_value(module)
    own = {"__main__", *(module.__name__ for module in _own_modules())}
    # Keras looks up classes by name only, and imports no module for them.
    layers = {type(layer) for layer in visualizer.model._flatten_layers()}
    classes = [kind for kind in layers if kind.__module__.partition(".")[0] != "keras"]
    classes += [kind for kind in keras.saving.get_custom_objects().values() if kind.__module__ in own]
    named = {keras.saving.get_registered_name(kind): kind for kind in classes}
    settings = {name: getattr(visualizer, name) for name in visualizer.names()}
    try:
        model = cloudpickle.dumps(visualizer.model)
        return cloudpickle.dumps((named, model, type(visualizer), settings))
    except Exception as error:  # Keras and pickle raise nearly anything.
        raise ValueError(
            '"model" and all settings must be objects that can be copied to workers. Received: '
            f"{str(error).strip() or type(error).__name__}. {_REMEDY}"
        ) from error


def unpack(content: bytes) -> Visualizer:
    """A visualizer from bytes, in a process of the same Python and Keras.

    Args:
        content: as `pack` returns it. It can run any code, so it must come from there.

    Returns:
        A `Visualizer`.

    Raises:
        ValueError: this process cannot import a class, or Keras cannot load the model.
    """
    from ray import cloudpickle

    try:
        named, model, kind, settings = cloudpickle.loads(content)
        for name, own in named.items():
            package, _, short = name.rpartition(">")
            if package:
                keras.saving.register_keras_serializable(package, short)(own)
        with keras.saving.custom_object_scope(named):
            return kind(cloudpickle.loads(model), **settings)
    except Exception as error:
        raise ValueError(
            f'"model" and all settings must be objects that workers can load. Received: {error}. {_REMEDY}'
        ) from error


def _own_modules() -> Iterator[ModuleType]:
    """Modules of files that another process would not find by their names, as those of the option --import."""
    for name, module in list(sys.modules.items()):
        if "." not in name and name != "__main__" and (getattr(module, "__file__", None) or "").endswith(".py"):
            finders: list[Any] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]
            if not any(finder.find_spec(name, None) for finder in finders):
                yield module
