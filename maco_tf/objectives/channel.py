"""Channel and Layer: the mean of one feature map, or of all of them."""

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from maco_tf.checks import check_choice
from maco_tf.objectives.term import Term
from maco_tf.objectives.tokens import Tokens, as_tokens, check_tokens, choose_tokens, tokens_config, tokens_suffix
from maco_tf.objectives.units import Units, as_units, check_units


@keras.saving.register_keras_serializable(package="maco_tf")
class Channel(Term):
    """The mean of a channel over all positions; in a transformer, the mean of a feature over all patches.

    Args:
        layer: name, path or index of the layer.
        channels: a channel (index into the last axis), or a list of channels for a batch of objectives.
        tokens: the tokens to read in a transformer's layer, (tokens, width): "patch" (all n² tokens, or all but the
            first of n² + 1), "class" (the first token), "all", or a slice of the tokens.
        names: list of names for the results.
    """

    def __init__(
        self, layer: str | int, channels: Units, *, tokens: Tokens = "patch", names: Iterable[str] | None = None
    ) -> None:
        self.layer, self.tokens = layer, as_tokens(tokens)
        indices = as_units("channels", channels)
        suffix = tokens_suffix(self.tokens)
        super().__init__(
            {"index": indices}, [f"{layer}:{index}{suffix}" for index in indices] if names is None else names
        )

    def check(self, shape: tuple[int | None, ...]) -> None:
        check_units("channels", self.parameters["index"], shape[-1], f"the last axis of {self.layer!r}")
        check_tokens(self.tokens, shape, self.layer)

    def score(self, activation: tf.Tensor, *, index: tf.Tensor) -> tf.Tensor:
        chosen = choose_tokens(activation, self.tokens)
        positions = tf.reshape(chosen, (activation.shape[0], -1, activation.shape[-1]))
        return tf.gather(tf.reduce_mean(positions, axis=1), index, batch_dims=1)

    def get_config(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "channels": self.parameters["index"].tolist(),
            "tokens": tokens_config(self.tokens),
            "names": self.names,
        }


@keras.saving.register_keras_serializable(package="maco_tf")
class Layer(Term):
    """The mean over a whole layer.

    Args:
        layer: name, path or index of the layer.
        reducer: "magnitude" is the mean of the squares (DeepDream), "mean" the mean of the values.
        name: the result's name.
    """

    def __init__(self, layer: str | int, reducer: str = "magnitude", *, name: str | None = None) -> None:
        self.layer, self.reducer = layer, check_choice("reducer", reducer, ("magnitude", "mean"))
        super().__init__(names=[name or str(layer)])

    def score(self, activation: tf.Tensor) -> tf.Tensor:
        values = tf.square(activation) if self.reducer == "magnitude" else activation
        return tf.reduce_mean(values, axis=list(range(1, len(activation.shape))))

    def get_config(self) -> dict[str, Any]:
        return {"layer": self.layer, "reducer": self.reducer, "name": self.names[0]}
