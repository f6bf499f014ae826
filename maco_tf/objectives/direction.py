"""Direction: a vector in the activation space of a layer."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_number, check_size
from maco_tf.objectives.positions import (
    CENTRE,
    Positions,
    as_map,
    as_positions,
    check_window,
    cut_window,
    map_size,
    position_text,
)
from maco_tf.objectives.term import Term
from maco_tf.objectives.tokens import Tokens, as_tokens, check_tokens, choose_tokens, tokens_config, tokens_suffix

# A smaller cosine would leave the dot product almost without a gradient. The value is Lucid's.
LEAST_COSINE = 0.1


@keras.saving.register_keras_serializable(package="maco_tf")
class Direction(Term):
    """Dot product with a direction, times a power of the cosine of the angle between the two.

    The cosine penalises activations that also grow along other directions. A vector of one value per channel is
    compared with every position (in a transformer, with every patch), and the score is the mean over positions; a
    vector of the layer's whole shape is compared with the whole layer. `position` and `window` restrict the comparison
    to a part of the map:

        Direction("conv", vector, position="centre")  # One position.
        Direction("conv", vector, position=(3, 4), window=3)  # The mean over 3 x 3 positions.
        Direction("conv", patch, position=(3, 4))  # An array (height, width, channels), compared as a whole.

    This differs from a vector of the whole layer that is zero outside the part, unless `cosine_power` is 0: there, the
    cosine divides by the norm of the activation at all positions. For one of n positions that are equally strong it
    is at most 1 / sqrt(n), which lies below the bound of 0.1 if n exceeds 100, and it falls when the rest of the map
    becomes stronger. At a position, the rest of the map has no influence.

    Args:
        layer: name, path or index of the layer.
        vectors: array of shape (channels,) or of the layer's shape; with a position or a window, of shape (channels,)
            or (height, width, channels), which is then the window. For a batch of objectives, a list of such arrays or
            an array (batch, channels). To compare a whole layer of two axes with one array, put the array into a list.
        cosine_power: exponent of the cosine, at least 0; 0 is the plain dot product.
        position: `(y, x)` in the layer's map, counted from 0, or in the grid of patches of a transformer's layer;
            "centre" is `(height // 2, width // 2)` of the map. A list has a position for each vector, or several for
            one vector. `None` is the whole map, or the centre if there is a window.
        window: `(height, width)` around the position, or one number for both; its row `height // 2` and column
            `width // 2` lie at the position. `None` is a single position.
        tokens: where a vector (channels,) applies in a transformer's layer, (tokens, width): "patch" (all n² tokens, or
            all but the first of n² + 1), "class" (the first token), "all", or a slice of the tokens.
        names: list of names for the results.

    Source: Lucid's `direction`, `direction_neuron` and `tensor_direction` (dot product x cosine^p, with a cosine of at
    least 0.1), where the power is 0 by default. Lucid's `tensor_direction` compares every position of the array on its
    own, and this class the array as a whole.
    """

    def __init__(
        self,
        layer: str | int,
        vectors: np.ndarray | Sequence[Any],
        *,
        cosine_power: float = 2.0,
        position: Positions | None = None,
        window: int | tuple[int, int] | None = None,
        tokens: Tokens = "patch",
        names: Iterable[str] | None = None,
    ) -> None:
        self.layer, self.tokens = layer, as_tokens(tokens)
        cosine_power = check_number("cosine_power", cosine_power, least=0)
        array = _as_vectors(vectors)
        places = None if position is None else as_positions("position", position)
        self.window: tuple[int, int] | None = None
        if position is not None or window is not None:
            self.window = _window(window, array)
            if self.tokens != "patch":
                raise ValueError(
                    '"tokens" must be left out with "position" and "window", which count the patches. Received: '
                    f"{self.tokens!r}."
                )
        count = len(array) if places is None else max(len(array), len(places))
        if places is not None and {len(array), len(places)} - {1, count}:
            raise ValueError(
                f'"position" must be one position, or one for each of the {len(array)} vectors. Received: '
                f"{len(places)} positions."
            )
        texts = [tokens_suffix(self.tokens)] * count
        if self.window is not None:
            spots = [None] * count if places is None else [places[index % len(places)] for index in range(count)]
            texts = [f" [{position_text(spot, self.window)}]" for spot in spots]
        defaults = [f"{layer}~{index % len(array)}{text}" for index, text in enumerate(texts)]
        parameters = {
            "vector": np.repeat(array, count // len(array), axis=0),
            "power": np.full(count, cosine_power, "float32"),
        }
        if places is not None:
            parameters["position"] = np.repeat(places, count // len(places), axis=0)
        super().__init__(parameters, defaults if names is None else names)

    def check(self, shape: tuple[int | None, ...]) -> None:
        wanted = self.parameters["vector"].shape[1:]
        if self.window is not None:
            size = map_size("position", shape, self.layer)
            if wanted not in (shape[-1:], (*self.window, shape[-1])):
                raise ValueError(
                    f'"vectors" must have the shape {shape[-1:]} (one value per channel of {self.layer!r}) or '
                    f"{(*self.window, shape[-1])} (the whole window). Received: {wanted}."
                )
            check_window(self.parameters.get("position"), self.window, size, self.layer)
            return
        if wanted not in (shape[-1:], shape):
            raise ValueError(
                f'"vectors" must have the shape {shape[-1:]} (one value per channel) or {shape} (the whole layer '
                f"{self.layer!r}); for a part of the map, give its position. Received: {wanted}."
            )
        if wanted == shape[-1:]:
            check_tokens(self.tokens, shape, self.layer)
        elif self.tokens not in ("patch", "all"):
            raise ValueError(
                f'"tokens" must be left out if "vectors" have the shape of the whole layer {self.layer!r}, {shape}. '
                f"Received: {self.tokens!r}."
            )

    def score(
        self, activation: tf.Tensor, *, vector: tf.Tensor, power: tf.Tensor, position: tf.Tensor | None = None
    ) -> tf.Tensor:
        count = activation.shape[0]
        size = int(np.prod(vector.shape[1:]))
        if self.window is not None:
            activation = cut_window(as_map(activation), self.window, position)
        elif len(vector.shape) == 2:
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
            "position": self._position(),
            "window": self.window,
            "tokens": tokens_config(self.tokens),
            "names": self.names,
        }

    def _position(self) -> str | list[list[int]] | None:
        """The argument "position" in a form that JSON can hold."""
        if "position" in self.parameters:
            return self.parameters["position"].tolist()
        return None if self.window is None else CENTRE


def _window(window: Any, vectors: np.ndarray) -> tuple[int, int]:
    """The size of the window, from the argument or from vectors (batch, height, width, channels)."""
    found = (vectors.shape[1], vectors.shape[2]) if vectors.ndim == 4 else None
    if window is None:
        return found or (1, 1)
    size = check_size("window", window)
    if found not in (None, size):
        raise ValueError(f'"window" must be the height and width of "vectors", {found}. Received: {window!r}.')
    return size


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
