"""Direction: a vector in the activation space of a layer."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_number
from maco_tf.objectives.term import Term
from maco_tf.objectives.tokens import Tokens, as_tokens, check_tokens, choose_tokens, tokens_config, tokens_suffix

# A smaller cosine would leave the dot product almost without a gradient. The value is Lucid's.
LEAST_COSINE = 0.1


@keras.saving.register_keras_serializable(package="maco_tf")
class Direction(Term):
    """Dot product with a direction, times a power of the cosine of the angle between the two.

    The cosine penalises activations that also grow along other directions. A vector of one value per channel is
    compared with every position (in a transformer, with every patch), and the score is the mean over positions; a
    vector of the layer's whole shape is compared with the whole layer.

    Args:
        layer: name, path or index of the layer.
        vectors: array of shape (channels,) or of the layer's shape. For a batch of objectives, a list of such arrays or
            an array (batch, channels). To compare a whole layer of two axes with one array, put the array into a list.
        cosine_power: exponent of the cosine, at least 0; 0 is the plain dot product.
        tokens: where a vector (channels,) applies in a transformer's layer, (tokens, width): "patch" (all n² tokens, or
            all but the first of n² + 1), "class" (the first token), "all", or a slice of the tokens.
        names: list of names for the results.

    Source: Lucid's `direction` objectives (dot product x cosine^p, with a cosine of at least 0.1).
    """

    def __init__(
        self,
        layer: str | int,
        vectors: np.ndarray | Sequence[Any],
        *,
        cosine_power: float = 2.0,
        tokens: Tokens = "patch",
        names: Iterable[str] | None = None,
    ) -> None:
        self.layer, self.tokens = layer, as_tokens(tokens)
        cosine_power = check_number("cosine_power", cosine_power, least=0)
        array = _as_vectors(vectors)
        suffix = tokens_suffix(self.tokens)
        super().__init__(
            {"vector": array, "power": np.full(len(array), cosine_power, "float32")},
            [f"{layer}~{index}{suffix}" for index in range(len(array))] if names is None else names,
        )

    def check(self, shape: tuple[int | None, ...]) -> None:
        wanted = self.parameters["vector"].shape[1:]
        if wanted not in (shape[-1:], shape):
            raise ValueError(
                f'"vectors" must have the shape {shape[-1:]} (one value per channel) or {shape} (the whole layer '
                f"{self.layer!r}). Received: {wanted}."
            )
        if wanted == shape[-1:]:
            check_tokens(self.tokens, shape, self.layer)
        elif self.tokens not in ("patch", "all"):
            raise ValueError(
                f'"tokens" must be left out if "vectors" have the shape of the whole layer {self.layer!r}, {shape}. '
                f"Received: {self.tokens!r}."
            )

    def score(self, activation: tf.Tensor, *, vector: tf.Tensor, power: tf.Tensor) -> tf.Tensor:
        count = activation.shape[0]
        size = int(np.prod(vector.shape[1:]))
        if len(vector.shape) == 2:
            activation = choose_tokens(activation, self.tokens)
        rows = tf.reshape(activation, (count, -1, size))
        vector = tf.reshape(vector, (count, 1, size))
        dot = tf.reduce_sum(rows * vector, axis=-1)
        cosine = tf.reduce_sum(tf.nn.l2_normalize(rows, -1) * tf.nn.l2_normalize(vector, -1), axis=-1)
        return tf.reduce_mean(dot * tf.maximum(cosine, LEAST_COSINE) ** power[:, None], axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "vectors": self.parameters["vector"].tolist(),
            "cosine_power": float(self.parameters["power"][0]),
            "tokens": tokens_config(self.tokens),
            "names": self.names,
        }


def _as_vectors(vectors: Any) -> np.ndarray:
    """The argument "vectors" as an array (batch, channels) or (batch, *layer)."""
    batch = isinstance(vectors, list | tuple) and len(vectors) > 0 and np.ndim(vectors[0]) > 0
    try:
        array = np.asarray(np.stack(vectors) if batch else vectors)
        # TensorFlow's bfloat16 has the kind "V" in NumPy.
        if array.dtype.kind not in "iufV":
            raise TypeError(f"an array of dtype {array.dtype}")
        array = array.astype("float32")
    except (ValueError, TypeError) as error:
        raise ValueError(f'"vectors" must be arrays of numbers of one shape. Received: {error}.') from error
    if not batch and array.ndim not in (2, 4):
        array = array[None]
    if array.ndim < 2 or not np.isfinite(array).all() or not np.abs(array).sum(-1).any():
        raise ValueError(
            f'"vectors" must be finite, not all zero, and have at least one axis. Received: shape {array.shape}.'
        )
    return array
