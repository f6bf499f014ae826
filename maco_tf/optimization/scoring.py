"""Activations to one score for each image."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from maco_tf.models.activations import IMAGE
from maco_tf.objectives.feature_inversion import ReferenceTerm
from maco_tf.objectives.joint import JointTerm
from maco_tf.objectives.multi_layer import MultiLayerTerm
from maco_tf.objectives.objective import Objective
from maco_tf.objectives.term import Term


class ObjectiveTensors(NamedTuple):
    """Everything about an objective that is not compiled in.

    Attributes:
        weights: float32 tensor (terms, batch).
        parameters: for each term, a dictionary of tensors (batch, ...).
    """

    weights: tf.Tensor
    parameters: list[dict[str, tf.Tensor]]

    def of(self, rows: tf.Tensor) -> "ObjectiveTensors":
        """The tensors for some images.

        Args:
            rows: int32 tensor, the numbers of the images.
        """
        parameters = [{name: tf.gather(value, rows) for name, value in term.items()} for term in self.parameters]
        return ObjectiveTensors(tf.gather(self.weights, rows, axis=1), parameters)


def objective_tensors(objective: Objective) -> ObjectiveTensors:
    """The values of an objective as tensors, so that a second objective of the same structure needs no new trace.

    Args:
        objective: an `Objective`.

    Returns:
        `ObjectiveTensors`.
    """
    batch = len(objective)
    weights = tf.constant(np.stack([np.broadcast_to(weight, batch) for weight, _ in objective.terms]), tf.float32)
    parameters = [
        {
            name: tf.constant(np.repeat(value, batch // len(term), axis=0))
            for name, value in sorted(term.parameters.items())
        }
        for _, term in objective.terms
    ]
    return ObjectiveTensors(weights, parameters)


def score_terms(
    terms: Sequence[Term],
    activations: Mapping[str | int, tf.Tensor],
    weights: tf.Tensor,
    parameters: Sequence[Mapping[str, tf.Tensor]],
    batch: int,
    references: Mapping[int, tf.Tensor] | None = None,
) -> list[tf.Tensor]:
    """What each term adds to the score of each image, from the views of that image only (joint terms aside).

    Args:
        terms: list of `Term`; only their structure is used.
        activations: dictionary, layer -> tensor (batch * views, ...), the views of each image side by side.
        weights: see `ObjectiveTensors`.
        parameters: see `ObjectiveTensors`.
        batch: number of images.
        references: dictionary, position of a `ReferenceTerm` -> tensor (batch * views, ...), its layer's activations
            on the reference images' views; see `reference_activations`.

    Returns:
        List of float32 tensors (batch,), one for each term: the mean over views, times the weight.
    """
    weighted = []
    for index, term in enumerate(terms):
        seen = [activations[layer] for layer in term.layers]
        activation: Any = seen if isinstance(term, MultiLayerTerm) else seen[0]
        views = seen[0].shape[0] // batch
        if isinstance(term, JointTerm):
            scores = term.score(tf.reshape(activation, (batch, views, *activation.shape[1:])), **parameters[index])
        else:
            values = dict(parameters[index])
            if isinstance(term, ReferenceTerm):
                del values["image"]  # Its activations are compared, not the image itself.
            repeated = {name: tf.repeat(value, views, axis=0) for name, value in values.items()}
            if isinstance(term, ReferenceTerm):
                repeated["reference"] = (references or {})[index]
            scores = tf.reduce_mean(tf.reshape(term.score(activation, **repeated), (batch, views)), axis=1)
        weighted.append(weights[index] * scores)
    return weighted


def score_images(
    terms: Sequence[Term],
    activations: Mapping[str | int, tf.Tensor],
    weights: tf.Tensor,
    parameters: Sequence[Mapping[str, tf.Tensor]],
    batch: int,
    references: Mapping[int, tf.Tensor] | None = None,
) -> tf.Tensor:
    """The score of each image, the sum of `score_terms`, which takes the same arguments.

    Returns:
        Float32 tensor (batch,).
    """
    return tf.add_n(score_terms(terms, activations, weights, parameters, batch, references))


def input_gradient(tape: tf.GradientTape, score: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """The gradient of a score with respect to images.

    Args:
        tape: a `tf.GradientTape` that watched the images.
        score: scalar tensor.
        images: tensor.

    Returns:
        Tensor of the images' shape.

    Raises:
        ValueError: there is no gradient.
    """
    gradient = tape.gradient(score, images)
    if gradient is None:
        raise ValueError(
            "The score must have a gradient with respect to the image. Received: none. Preprocessing, transforms "
            "and layers must not round, cast to integers or stop gradients."
        )
    return gradient


def reference_activations(
    terms: Sequence[Term],
    parameters: Sequence[Mapping[str, tf.Tensor]],
    activate: Callable[[tf.Tensor, str | int], tf.Tensor],
) -> dict[int, tf.Tensor]:
    """The activations of reference images in the layers of the terms that compare with them.

    Args:
        terms: list of `Term`.
        parameters: see `ObjectiveTensors`.
        activate: function (images, layer) -> activations of their views. It is not asked for `IMAGE`, whose references
            are compared with the images themselves.

    Returns:
        Dictionary, position among the terms -> tensor (batch * views, ...) without gradient.
    """
    return {
        index: tf.stop_gradient(
            parameters[index]["image"] if term.layer == IMAGE else activate(parameters[index]["image"], term.layer)
        )
        for index, term in enumerate(terms)
        if isinstance(term, ReferenceTerm)
    }


def check_objective(objective: Objective, shapes: Mapping[str | int, tuple]) -> None:
    """Refuse an objective that does not fit the model.

    Args:
        objective: an `Objective`.
        shapes: dictionary, layer -> activation shape without the batch axis, as `Activations.shapes` returns it.

    Raises:
        ValueError: a unit is out of range, or a vector has the wrong shape.
    """
    for _, term in objective.terms:
        known = [shapes[layer] for layer in term.layers if layer in shapes]
        if isinstance(term, MultiLayerTerm):
            term.check_layers(known)
        elif known:
            term.check(known[0])
