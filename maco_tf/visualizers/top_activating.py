"""Natural images beside a visualisation: those that an objective scores highest."""

import dataclasses

import numpy as np
import tensorflow as tf

from maco_tf.checks import check_integer
from maco_tf.models.activations import IMAGE, Activations
from maco_tf.models.images import as_images, check_channels, fit_images
from maco_tf.objectives.joint import JointTerm
from maco_tf.objectives.objective import check_objective_type
from maco_tf.optimization.scoring import check_objective, objective_tensors, reference_activations, score_images
from maco_tf.visualizers.explanation import Explanation


@dataclasses.dataclass(frozen=True, eq=False)
class TopImages:
    """For each objective of a batch the images that it scores highest, the highest first.

    Attributes:
        images: array (batch, count, height, width, channels), float32 in [0, 1].
        scores: array (batch, count), float32.
        indices: array (batch, count), int64, where in the images given each was.
        names: list of strings, the objectives'.
    """

    images: np.ndarray
    scores: np.ndarray
    indices: np.ndarray
    names: list

    def figure(self, explanation, *, percentile=80, figure=None):
        """Each image of an explanation of the same objectives, above the natural ones.

        Args:
            explanation: an `Explanation` of as many images.
            percentile: see `Explanation.rgba`.
            figure: see `contact_sheet`.

        Returns:
            A `matplotlib.figure.Figure`.

        Raises:
            ValueError: it is none, or has another length.
        """
        from maco_tf.display.beside import beside

        if not isinstance(explanation, Explanation):
            raise ValueError(
                '"explanation" must be what a visualizer\'s explain(objective) returns. Received: '
                f"{type(explanation).__name__}."
            )
        if len(explanation) != len(self.images):
            raise ValueError(
                f'"explanation" must have {len(self.images)} image(s), one for each objective. Received: '
                f"{len(explanation)}."
            )
        return beside(
            explanation.images,
            self.images,
            transparency=explanation.transparency,
            names=self.names,
            percentile=percentile,
            figure=figure,
        )

    def show(self, explanation, *, percentile=80):
        """Draw `figure` with pyplot, in a notebook below the cell, elsewhere in a window."""
        import matplotlib.pyplot as plt

        self.figure(explanation, percentile=percentile, figure=plt.figure())
        plt.show()


def top_activating(model, objective, images, count=9, *, preprocessing=None, input_shape=None, batch_size=32):
    """Find the images that activate an objective most, each seen whole, without crops or noise.

    Args:
        model: see `MacoVisualizer`.
        objective: an `Objective`, of any length.
        images: array (images, height, width, channels), integers up to 255 or numbers in [0, 1]; the model sees their
            centre, resized to its input.
        count: how many to find.
        preprocessing: see `MacoVisualizer`.
        input_shape: see `MacoVisualizer`.
        batch_size: images that the model sees at a time.

    Returns:
        A `TopImages`.

    Raises:
        ValueError: the objective does not fit the model or compares images with one another, or there are fewer images
            than asked for.
    """
    check_integer("count", count, 1)
    check_integer("batch_size", batch_size, 1)
    # Before the images, which may be given in its place.
    check_objective_type(objective)
    images = as_images("images", images)
    if len(images) < count:
        raise ValueError(f'"count" must not exceed the number of images, {len(images)}. Received: {count}.')
    activations = Activations(model, preprocessing, input_shape)
    scores = score_natural_images(activations, objective, images, batch_size)
    indices = np.argsort(-scores, axis=0, kind="stable")[:count].T
    return TopImages(images[indices], np.take_along_axis(scores.T, indices, 1), indices, objective.names)


def score_natural_images(activations, objective, images, batch_size=32):
    """The score of every image under every objective of a batch.

    Args:
        activations: an `Activations`.
        objective: an `Objective`.
        images: array (images, height, width, channels), float32 in [0, 1].
        batch_size: images at a time.

    Returns:
        Array (images, objectives), float32.

    Raises:
        ValueError: see `top_activating`.
    """
    check_objective_type(objective)
    terms = [term for _, term in objective.terms]
    layers = [term.layer for term in terms]
    if any(isinstance(term, JointTerm) for term in terms):
        raise ValueError(
            '"objective" must score each image by itself. Received: one that compares the images of a batch. Leave '
            "Diversity and Alignment out."
        )
    check_objective(objective, activations.shapes(layers))
    weights, parameters = objective_tensors(objective.fitted(activations.input_shape))
    check_channels("images", images, activations.input_shape[-1])
    images = fit_images(images, activations.input_shape[:2])
    number = min(batch_size, len(images))

    @tf.function(autograph=False)
    def references():
        return reference_activations(terms, parameters, lambda batch, layer: activations(batch, [layer])[layer])

    @tf.function(autograph=False)
    def score(batch, wanted):
        seen = {**activations(batch, layers), IMAGE: batch}

        def one(objective):
            # The tensors of one objective, for every image of the batch.
            own, values, seen_there = tf.nest.map_structure(
                lambda value: tf.repeat(value[None], number, axis=0), objective
            )
            return score_images(terms, seen, tf.transpose(own), values, number, seen_there)

        return tf.map_fn(one, (tf.transpose(weights), parameters, wanted), fn_output_signature=tf.float32)

    wanted = references.get_concrete_function()()
    score_batch = None
    rows = []
    for start in range(0, len(images), number):
        batch = images[start : start + number]
        # The last batch is filled up, so that one trace serves all.
        full = tf.constant(np.concatenate([batch, np.repeat(batch[-1:], number - len(batch), axis=0)]))
        score_batch = score_batch or score.get_concrete_function(full, wanted)
        rows.append(score_batch(full, wanted).numpy().T[: len(batch)])
    return np.concatenate(rows)
