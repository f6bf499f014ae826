"""Direction: a vector in a layer's activation space."""

import numbers

import keras
import numpy as np
import tensorflow as tf

from maco_tf.objectives.term import Term
from maco_tf.objectives.tokens import as_tokens, check_choice, choose_tokens, tokens_config, tokens_suffix


@keras.saving.register_keras_serializable(package="maco_tf")
class Direction(Term):
    """Dot product with a direction, times a power of the cosine to it.

    The cosine keeps the activation from growing along other directions that have a part in this one. A vector of the
    channels applies at every position (in a transformer, at every patch), and the score is the mean over positions; a
    vector of the layer's whole shape is compared with the whole layer.

    Args:
        layer: name, path or index of the layer.
        vectors: array (channels,) or of the layer's shape; or a batch of objectives, as a list of such arrays or
            an array (batch, channels). A single array for a whole layer of two axes goes into a list.
        cosine_power: power of the cosine, 0 or more; 0 is the plain dot product.
        tokens: where a vector (channels,) applies in a transformer's layer, (tokens, width): "patch" (n² tokens, or
            all but the first of n² + 1), "class" (the first), "all", or a slice of the tokens.
        names: list of names for the results.

    Source: Lucid's `direction` objectives (dot product x cosine^p, with the cosine kept above 0.1).
    """

    # Below this the cosine would turn the dot product's gradient off (Lucid's constant).
    _LEAST_COSINE = 0.1

    def __init__(self, layer, vectors, *, cosine_power=2.0, tokens="patch", names=None):
        self.layer, self.tokens = layer, as_tokens(tokens)
        check_cosine_power(cosine_power)
        batch = isinstance(vectors, list | tuple) and len(vectors) > 0 and np.ndim(vectors[0]) > 0
        try:
            vectors = np.asarray(np.stack(vectors) if batch else vectors, "float32")
        except (ValueError, TypeError) as error:
            raise ValueError(f'"vectors" must be arrays of numbers of one shape. Received: {error}.') from error
        if not batch and vectors.ndim not in (2, 4):
            vectors = vectors[None]
        if vectors.ndim < 2 or not np.isfinite(vectors).all() or not np.abs(vectors).sum(-1).any():
            raise ValueError(
                f'"vectors" must be finite, not all zero, and have at least one axis. Received: shape {vectors.shape}.'
            )
        powers = np.full(len(vectors), cosine_power, "float32")
        suffix = tokens_suffix(self.tokens)
        super().__init__(
            {"vector": vectors, "power": powers}, names or [f"{layer}~{index}{suffix}" for index in range(len(vectors))]
        )

    def structure(self):
        return (*super().structure(), tokens_config(self.tokens))

    def check(self, shape):
        wanted = self.parameters["vector"].shape[1:]
        if wanted not in (shape[-1:], shape):
            raise ValueError(
                f'"vectors" must have the shape {shape[-1:]} (one value a channel) or {shape} (the whole layer '
                f"{self.layer!r}). Received: {wanted}."
            )
        if wanted == shape[-1:]:
            check_choice(self.tokens, shape, self.layer)
        elif self.tokens not in ("patch", "all"):
            raise ValueError(
                f'"tokens" must be left out where "vectors" have the shape of the whole layer {self.layer!r}, {shape}. '
                f"Received: {self.tokens!r}."
            )

    def score(self, activation, *, vector, power):
        count = activation.shape[0]
        size = int(np.prod(vector.shape[1:]))
        if len(vector.shape) == 2:
            activation = choose_tokens(activation, self.tokens)
        rows = tf.reshape(activation, (count, -1, size))
        vector = tf.reshape(vector, (count, 1, size))
        dot = tf.reduce_sum(rows * vector, axis=-1)
        cosine = tf.reduce_sum(tf.nn.l2_normalize(rows, -1) * tf.nn.l2_normalize(vector, -1), axis=-1)
        return tf.reduce_mean(dot * tf.maximum(cosine, self._LEAST_COSINE) ** power[:, None], axis=-1)

    def get_config(self):
        return {
            "layer": self.layer,
            "vectors": self.parameters["vector"].tolist(),
            "cosine_power": float(self.parameters["power"][0]),
            "tokens": tokens_config(self.tokens),
            "names": self.names,
        }


def check_cosine_power(power):
    """Refuse what is no power of a cosine.

    Args:
        power: the argument "cosine_power".

    Raises:
        ValueError: it is not a finite number of 0 or more.
    """
    if isinstance(power, bool) or not isinstance(power, numbers.Real) or not 0 <= power < np.inf:
        raise ValueError(f'"cosine_power" must be a finite number, 0 or more. Received: {power!r}.')
