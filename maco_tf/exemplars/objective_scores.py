"""The scores of any objective on natural images."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from maco_tf.images.fitting import check_channels, fit_images
from maco_tf.models.activations import IMAGE, Activations
from maco_tf.objectives.joint import check_separate
from maco_tf.objectives.objective import Objective, check_objective_type
from maco_tf.objectives.term import layers_read
from maco_tf.optimization.scoring import check_objective, objective_tensors, reference_activations, score_images


class ObjectiveScores:
    """A function from the activations of a batch of images to the scores of each image under each objective.

    Args:
        activations: the model.
        objective: an `Objective` of any length.

    Attributes:
        layers: list of the layers that the objective reads.

    Raises:
        ValueError: the objective does not fit the model, or compares images with one another.
    """

    layers: list[str | int]

    def __init__(self, activations: Activations, objective: Objective) -> None:
        check_objective_type(objective)
        check_separate(objective)
        objective = objective.resolved(activations)
        self._terms = [term for _, term in objective.terms]
        self.layers = layers_read(self._terms)
        check_objective(objective, activations.shapes(self.layers))
        self._weights, self._parameters = objective_tensors(objective.fitted(activations.input_shape))

        @tf.function(autograph=False)
        def references() -> dict[int, tf.Tensor]:
            return reference_activations(
                self._terms, self._parameters, lambda batch, layer: activations(batch, [layer])[layer]
            )

        # Computed once: the reference images do not change from batch to batch.
        self._references = references.get_concrete_function()()

    def __call__(self, seen: Mapping[str | int, tf.Tensor]) -> tf.Tensor:
        """Score a batch, inside a `tf.function` that is being traced.

        Args:
            seen: dictionary, layer -> tensor (batch, ...); `IMAGE` holds the images themselves.

        Returns:
            Float32 tensor (batch, objectives).
        """
        number = seen[IMAGE].shape[0]

        def one(objective: Any) -> tf.Tensor:
            # The tensors of one objective, repeated for each image of the batch.
            weight, values, references = tf.nest.map_structure(
                lambda value: tf.repeat(value[None], number, axis=0), objective
            )
            return score_images(self._terms, seen, tf.transpose(weight), values, number, references)

        inputs = (tf.transpose(self._weights), self._parameters, self._references)
        return tf.transpose(tf.map_fn(one, inputs, fn_output_signature=tf.float32))


def score_natural_images(
    activations: Activations, objective: Objective, images: np.ndarray, batch_size: int = 32
) -> np.ndarray:
    """Score each image under each objective of a batch.

    Args:
        activations: an `Activations`.
        objective: an `Objective`.
        images: array (images, height, width, channels), float32 in [0, 1].
        batch_size: number of images at a time.

    Returns:
        Array (images, objectives), float32.

    Raises:
        ValueError: see `ObjectiveScores`, or the images have another number of channels.
    """
    scores = ObjectiveScores(activations, objective)
    check_channels("images", images, activations.input_shape[-1])
    images = fit_images(images, activations.input_shape[:2])
    number = min(batch_size, len(images))

    @tf.function(autograph=False)
    def score(batch: tf.Tensor) -> tf.Tensor:
        return scores({**activations(batch, scores.layers), IMAGE: batch})

    score_batch = None
    rows = []
    for start in range(0, len(images), number):
        batch = images[start : start + number]
        # The last batch is filled up, so that one trace serves all batches.
        full = tf.constant(np.concatenate([batch, np.repeat(batch[-1:], number - len(batch), axis=0)]))
        score_batch = score_batch or score.get_concrete_function(full)
        rows.append(score_batch(full).numpy()[: len(batch)])
    return np.concatenate(rows)
