"""Lambda: a function of a layer's activation as an objective."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.import_path import from_import_path, import_obstacle, import_path
from maco_tf.objectives.term import Term


@keras.saving.register_keras_serializable(package="maco_tf")
class Lambda(Term):
    """The score that a function computes from a layer's activation.

        brightness = Lambda("conv", lambda activation: tf.reduce_mean(activation[..., 3], axis=(1, 2)))
        explanation = visualizer.explain(brightness - 0.5 * Logit(1))

    For an objective with parameters, or a batch of objectives, write a subclass of `Term`. To be stored, the objective
    needs a function that can be imported, that is, one defined at the top level of a module; loading the objective
    imports that module.

    Args:
        layer: name, path or index of the layer, or `maco_tf.models.LOGITS` or `IMAGE`.
        function: callable that receives the activation, a float32 tensor (views, ...), and returns one score per view,
            a floating-point tensor (views,). It consists of TensorFlow or Keras operations that have a gradient, and
            computes the score of a view from that view only. TensorFlow traces it once; another objective with the same
            function is not traced again.
        name: the result's name; by default the names of the function and the layer.

    Raises:
        ValueError: the function is not callable; later, it uses NumPy, or returns something else than one score per
            view.
    """

    def __init__(
        self, layer: str | int, function: Callable[[tf.Tensor], tf.Tensor], *, name: str | None = None
    ) -> None:
        if not callable(function):
            raise ValueError(f'"function" must be a callable that takes an activation. Received: {function!r}.')
        self.layer, self.function = layer, function
        default = getattr(function, "__name__", type(function).__name__).strip("<>")
        super().__init__(names=[name or f"{default}({layer})"])

    def score(self, activation: tf.Tensor) -> tf.Tensor:
        try:
            scores = self.function(activation)
        except (AttributeError, NotImplementedError) as error:
            # The method of an array, such as activation.mean().
            method = isinstance(error, AttributeError) and hasattr(np.ndarray, error.name or "")
            if not method and "numpy" not in str(error).lower():
                raise
            raise ValueError(
                '"function" must consist of TensorFlow or Keras operations, because NumPy has no gradient. Received: '
                f"{self.names[0]}, which treats the activation as a NumPy array. Use tf.reduce_mean(activation, "
                "axis=...) in place of np.mean and of activation.mean, and so on."
            ) from error
        views = (activation.shape[0],)
        floating = tf.is_tensor(scores) and scores.dtype.is_floating
        if not floating or not scores.shape.is_compatible_with(views):
            received = f"{scores.dtype.name} of shape {scores.shape}" if tf.is_tensor(scores) else repr(scores)
            raise ValueError(
                f'"function" must return one floating-point score per view, of shape {views}, for the activation of '
                f"{self.layer!r}, of shape {tuple(activation.shape)}. Received: {received}. Reduce every axis except "
                "the first."
            )
        return tf.ensure_shape(tf.cast(scores, tf.float32), views)

    def get_config(self) -> dict[str, Any]:
        path = import_path(self.function)
        if path is None:
            raise ValueError(
                f'"function" must be importable for the objective to be stored. Received: {self.function!r}, '
                f"{import_obstacle(self.function)}. Define it at the top level of a module and import it from there."
            )
        return {"layer": self.layer, "function": path, "name": self.names[0]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Lambda":
        return cls(**{**config, "function": from_import_path(config.get("function"), "function")})
