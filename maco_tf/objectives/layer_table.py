"""The layers of a model that an objective can name, with their shapes."""

import dataclasses

import keras
import tensorflow as tf

from maco_tf.models.activations import Activations
from maco_tf.models.layers import layer_paths


@dataclasses.dataclass(frozen=True, repr=False)
class LayerEntry:
    """A layer as an objective names it.

    Attributes:
        path: the reference to write, such as "block5_add" or "backbone/block5_add".
        kind: the class of the layer or operation.
        shape: the shape of its output without the batch axis; unknown sizes are `None`. `None` if the layer has no
            output, or several, that an objective could read under this path.
    """

    path: str
    kind: str
    shape: tuple[int | None, ...] | None

    @property
    def units(self) -> int | None:
        """The number of channels, features or classes: the size of the last axis."""
        return self.shape[-1] if self.shape else None

    def __repr__(self) -> str:
        return f"{self.path}  {self.kind}  {'no single output' if self.shape is None else self.shape}"


def layers(model: keras.Model, *, input_shape: tuple[int, int, int] | None = None) -> list[LayerEntry]:
    """List the layers of a model that an objective can name.

        for layer in maco_tf.layers(model):
            print(layer.path, layer.shape)

    Args:
        model: a `keras.Model` of any kind; the layers of nested models are listed under their paths.
        input_shape: `(height, width, channels)` of the model's input, if the model does not define it.

    Returns:
        List of `LayerEntry`, in the order of the model.

    Raises:
        ValueError: the shapes depend on an input shape that is missing.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(f'"model" must be a keras.Model. Received: {model!r}.')
    found = layer_paths(model)
    shapes = {path: _static_shape(layer) for path, layer in found.items()}
    unknown = [path for path, shape in shapes.items() if shape is None or None in shape]
    if unknown:
        # The range of the input does not matter here.
        traced = Activations(model, tf.identity, input_shape).all_shapes()
        shapes.update({path: traced[path] for path in unknown if path in traced})
    return [LayerEntry(path, type(layer).__name__, shapes[path]) for path, layer in found.items()]


def _static_shape(layer: keras.Operation) -> tuple[int | None, ...] | None:
    """The shape that the graph of a functional model knows; `None` if there is none, or not exactly one."""
    try:
        output = layer.output
    except (AttributeError, ValueError, RuntimeError):
        return None
    return tuple(output.shape[1:]) if isinstance(output, keras.KerasTensor) else None
