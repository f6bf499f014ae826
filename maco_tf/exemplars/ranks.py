"""The value by which images are ranked for each unit, from the activations of a batch."""

import dataclasses
import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from maco_tf.exemplars.objective_scores import ObjectiveScores
from maco_tf.models.activations import IMAGE, LOGITS, PROBABILITIES, Activations
from maco_tf.objectives.channel import Channel
from maco_tf.objectives.direction import LEAST_COSINE, Direction
from maco_tf.objectives.logit import Logit
from maco_tf.objectives.objective import Objective
from maco_tf.objectives.term import Term, layers_read
from maco_tf.objectives.tokens import Tokens, choose_tokens
from maco_tf.optimization.scoring import check_objective
from maco_tf.products import einsum

RANKS = ("max", "mean", "relevance")

# One unit or several: an objective, or a layer, which stands for all its channels.
Units = Objective | str | int | Sequence[Objective | str | int]

# From the activations of a batch to the values (batch, units) of some units.
_Values = Callable[[Mapping[str | int, tf.Tensor]], tf.Tensor]

# Keeps the sum of the relevances of an image without any from dividing by zero. The value is zennit-crp's.
_EPSILON = 1e-10


@dataclasses.dataclass(frozen=True)
class _Group:
    """Units that are computed together: their layers, and a function of the activations."""

    layers: list[str | int]
    values: _Values


class UnitRanks:
    """The values by which images are ranked, for all units of all layers from one call of the model.

    Args:
        activations: the model.
        units: an objective of any length; a layer, which stands for all its channels or features; or a list of both.
        rank: "max" or "mean" over the positions (in a transformer, over the tokens that the objective reads) of a
            `Channel` or `Direction`; other objectives have no positions, or average over them themselves, and are
            ranked by their score. "relevance" is the gradient of the logit of the image's class times the activation,
            summed over positions and divided by the sum of the absolute values of all channels of the layer; it is
            defined for channels only.

    Attributes:
        names: list of the names of the units.

    Raises:
        ValueError: a unit is something else, does not fit the model or the rank, or compares images with one another.

    Source: relevance maximisation (Achtibat et al., Nature Machine Intelligence 2023) with gradient x activation as the
        relevance, normalised as in zennit-crp's `ChannelConcept.reference_sampling`.
    """

    names: list[str]

    def __init__(self, activations: Activations, units: Units, rank: str = "max") -> None:
        self._activations, self._rank = activations, rank
        self.names = []
        self._groups: list[_Group] = []
        parts = _parts(units)
        # One trace of the model shows all shapes.
        activations.shapes([part for part in parts if not isinstance(part, Objective)])
        for part in parts:
            objective = part if isinstance(part, Objective) else self._whole_layer(part)
            self.names += objective.names
            self._groups.append(self._group(objective))
        self._layers = list(dict.fromkeys(layer for group in self._groups for layer in group.layers))

    def __call__(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Rank a batch, inside a `tf.function` that is being traced.

        Args:
            images: tensor (batch, height, width, channels) of the model's input size, in [0, 1].
            labels: int64 tensor (batch,), the class of each image; only read for "relevance".

        Returns:
            Float32 tensor (batch, units).
        """
        if self._rank == "relevance":
            found = self._relevances(images, labels)
        else:
            found = {**self._activations(images, self._layers), IMAGE: images}
        return tf.concat([group.values(found) for group in self._groups], axis=1)

    def _whole_layer(self, layer: str | int) -> Objective:
        shape = self._activations.shapes([layer])[layer]
        if not shape or shape[-1] is None:
            raise ValueError(
                f'"units" must name layers with a known number of channels. Received: {layer!r}, of shape {shape}.'
            )
        return Channel(layer, range(shape[-1]))

    def _group(self, objective: Objective) -> _Group:
        objective = objective.resolved(self._activations)
        terms = objective.terms
        weight, term = terms[0]
        layers = layers_read(other for _, other in terms)
        check_objective(objective, self._activations.shapes(layers))
        alone = len(terms) == 1 and len(term) == len(objective)
        if alone and type(term).score is Channel.score and (np.asarray(weight) == 1).all():
            return _Group(layers, self._channels(term))
        if self._rank == "relevance":
            raise ValueError(
                '"units" must be channels or layers if "rank" is "relevance". Received: '
                f'{reprlib.repr(objective.names[0])}. Use rank="max" or "mean".'
            )
        if alone and type(term).score is Logit.score:
            index, scale = tf.constant(term.parameters["index"]), tf.constant(np.asarray(weight), tf.float32)
            layer = term.layer
            return _Group(layers, lambda found: _columns(_as_rows(found[layer]), index) * scale)
        if alone and type(term).score is Direction.score and _is_plain(term):
            return _Group(layers, self._directions(term, weight))
        scores = ObjectiveScores(self._activations, objective)
        return _Group(layers, scores)

    def _channels(self, term: Term) -> _Values:
        layer, tokens, index = term.layer, term.tokens, term.parameters["index"]  # type: ignore[attr-defined]

        def values(found: Mapping[str | int, tf.Tensor]) -> tf.Tensor:
            activation = found[layer]
            reduced = activation if self._rank == "relevance" else self._over_positions(_rows(activation, tokens))
            whole = len(index) == reduced.shape[-1] and (index == np.arange(len(index))).all()
            return reduced if whole else _columns(reduced, tf.constant(index))

        return values

    def _directions(self, term: Term, weight: Any) -> _Values:
        """As `Direction.score` at each position, for all directions in two matrix products."""
        layer, tokens = term.layer, term.tokens  # type: ignore[attr-defined]
        vectors, power = (tf.constant(term.parameters[name], tf.float32) for name in ("vector", "power"))
        scale = tf.constant(np.asarray(weight), tf.float32)

        def values(found: Mapping[str | int, tf.Tensor]) -> tf.Tensor:
            rows = _rows(found[layer], tokens)
            dot = einsum("bpc,uc->bpu", rows, vectors)
            unit_vectors = tf.nn.l2_normalize(vectors, -1)
            cosine = einsum("bpc,uc->bpu", tf.nn.l2_normalize(rows, -1), unit_vectors)
            return self._over_positions(scale * dot * tf.maximum(cosine, LEAST_COSINE) ** power)

        return values

    def _over_positions(self, rows: tf.Tensor) -> tf.Tensor:
        """Reduce (batch, positions, units) to (batch, units)."""
        return tf.reduce_max(rows, axis=1) if self._rank == "max" else tf.reduce_mean(rows, axis=1)

    def _relevances(self, images: tf.Tensor, labels: tf.Tensor) -> dict[str | int, tf.Tensor]:
        """The relevances (batch, channels) of every layer, for the class of each image."""
        found = self._activations(images, [*self._layers, LOGITS])
        logits = tf.gather(found[LOGITS], tf.maximum(labels, 0), batch_dims=1)
        tensors = [_computed(found[layer]) for layer in self._layers]
        gradients = tf.gradients(tf.reduce_sum(logits), tensors)
        relevances: dict[str | int, tf.Tensor] = {}
        for layer, gradient in zip(self._layers, gradients):
            if gradient is None:
                raise ValueError(
                    f'"units" must be layers on which the prediction depends. Received: {layer!r}, with rank='
                    '"relevance".'
                )
            activation = found[layer]
            product = tf.reshape(
                activation * tf.cast(gradient, tf.float32), (tf.shape(activation)[0], -1, activation.shape[-1])
            )
            summed = tf.reduce_sum(product, axis=1)
            relevances[layer] = summed / (tf.reduce_sum(tf.abs(summed), axis=1, keepdims=True) + _EPSILON)
        return relevances


def _parts(units: Any) -> list[Objective | str | int]:
    parts = list(units) if isinstance(units, list | tuple) else [units]
    for part in parts:
        if not isinstance(part, Objective | str | int) or isinstance(part, bool) or part in (IMAGE, PROBABILITIES):
            raise ValueError(
                '"units" must be an objective, such as Channel("conv", 3), the name of a layer, or a list of these. '
                f"Received: {reprlib.repr(part)}."
            )
    if not parts:
        raise ValueError('"units" must hold at least one objective or layer. Received: none.')
    return parts


def _is_plain(term: Term) -> bool:
    """Whether a direction is compared with every position of the layer."""
    return (
        term.parameters["vector"].ndim == 2
        and set(term.parameters) == {"vector", "power"}
        and (getattr(term, "window", None) is None)
    )


def _rows(activation: tf.Tensor, tokens: Tokens) -> tf.Tensor:
    """An activation as (batch, positions, channels)."""
    chosen = choose_tokens(activation, tokens)
    return tf.reshape(chosen, (tf.shape(chosen)[0], -1, chosen.shape[-1]))


def _as_rows(logits: tf.Tensor) -> tf.Tensor:
    """Logits as (batch, classes), also of a model of one score for each image."""
    return logits[:, None] if len(logits.shape) == 1 else logits


def _columns(values: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    return tf.gather(values, index, axis=1)


def _computed(activation: tf.Tensor) -> tf.Tensor:
    """The tensor that the model computed, if its float32 copy is read; the logits depend on the former only."""
    return activation.op.inputs[0] if activation.op.type == "Cast" else activation
