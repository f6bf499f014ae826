"""Natural images beside a visualisation: the images that an objective scores highest."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_integer
from maco_tf.display.beside import beside
from maco_tf.display.rgba import Background
from maco_tf.images.fitting import as_images, check_channels, fit_images
from maco_tf.models.activations import IMAGE, Activations
from maco_tf.models.preprocessing import Preprocessing
from maco_tf.objectives.joint import JointTerm
from maco_tf.objectives.objective import Objective, check_objective_type
from maco_tf.optimization.scoring import check_objective, objective_tensors, reference_activations, score_images
from maco_tf.visualizers.explanation import Explanation

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, eq=False)
class TopImages:
    """The images that each objective of a batch scores highest, in descending order.

    Attributes:
        images: array (batch, count, height, width, channels), float32 in [0, 1].
        scores: array (batch, count), float32.
        indices: array (batch, count), int64, the positions of the images in the input.
        names: list of strings, the names of the objectives.
    """

    images: np.ndarray
    scores: np.ndarray
    indices: np.ndarray
    names: list[str]

    def figure(
        self,
        explanation: Explanation,
        *,
        percentile: float | None = 80,
        background: Background = "auto",
        bands: Sequence[int] | None = None,
        figure: "Figure | None" = None,
    ) -> "Figure":
        """Draw each image of an explanation above the natural images of the same objective.

        Args:
            explanation: an `Explanation` with one image for each objective.
            percentile: see `Explanation.rgba`.
            background: see `Explanation.show`.
            bands: the three channels to show of images of more, natural ones included; `None` takes the first three.
            figure: see `contact_sheet`.

        Returns:
            A `matplotlib.figure.Figure`.

        Raises:
            ValueError: the argument is not an explanation, or has another length.
        """
        if not isinstance(explanation, Explanation):
            raise ValueError(
                '"explanation" must be an Explanation, as visualizer.explain(objective) returns it. Received: '
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
            background=background,
            bands=bands,
            figure=figure,
        )

    def show(self, explanation: Explanation, **settings: Any) -> None:
        """Draw `figure`, which takes the same settings, with pyplot: in a notebook, or in a window elsewhere."""
        import matplotlib.pyplot as plt

        self.figure(explanation, **{"figure": plt.figure(), **settings})
        plt.show()


def top_activating(
    model: keras.Model,
    objective: Objective,
    images: Any,
    count: int = 9,
    *,
    preprocessing: Preprocessing = "auto",
    input_shape: tuple[int, int, int] | None = None,
    batch_size: int = 32,
) -> TopImages:
    """Find the images that activate an objective most. Each image is seen whole, without crops or noise.

    Args:
        model: see `MacoVisualizer`.
        objective: an `Objective` of any length.
        images: array (images, height, width, channels); integers count from 0 to 255, floating-point values lie in
            [0, 1]. The model sees their centre, resized to its input. Or a list, a folder or a finite
            `tf.data.Dataset`, see `ImageSet`; if their sizes differ, the result holds them at the model's size.
        count: number of images to find for each objective.
        preprocessing: see `MacoVisualizer`.
        input_shape: see `MacoVisualizer`.
        batch_size: number of images that the model sees at once.

    Returns:
        A `TopImages`.

    Raises:
        ValueError: the objective does not fit the model or compares images with one another, or there are fewer than
            `count` images.
    """
    count, batch_size = check_integer("count", count, 1), check_integer("batch_size", batch_size, 1)
    # Checked before the images, because the two are easily swapped.
    check_objective_type(objective)
    activations = Activations(model, preprocessing, input_shape)
    *size, channels = activations.input_shape
    images = as_images("images", images, channels, size=size)
    if len(images) < count:
        raise ValueError(f'"count" must not exceed the number of images, {len(images)}. Received: {count}.')
    activations.say_range()
    scores = score_natural_images(activations, objective, images, batch_size)
    indices = np.argsort(-scores, axis=0, kind="stable")[:count].T
    return TopImages(images[indices], np.take_along_axis(scores.T, indices, 1), indices, objective.names)


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
        ValueError: see `top_activating`.
    """
    check_objective_type(objective)
    terms = [term for _, term in objective.terms]
    layers = [term.layer for term in terms]
    if any(isinstance(term, JointTerm) for term in terms):
        raise ValueError(
            '"objective" must score each image separately. Received: an objective that compares the images of a batch. '
            "Leave Diversity and Alignment out."
        )
    check_objective(objective, activations.shapes(layers))
    weights, parameters = objective_tensors(objective.fitted(activations.input_shape))
    check_channels("images", images, activations.input_shape[-1])
    images = fit_images(images, activations.input_shape[:2])
    number = min(batch_size, len(images))

    @tf.function(autograph=False)
    def references() -> dict[int, tf.Tensor]:
        return reference_activations(terms, parameters, lambda batch, layer: activations(batch, [layer])[layer])

    @tf.function(autograph=False)
    def score(batch: tf.Tensor, wanted: dict[int, tf.Tensor]) -> tf.Tensor:
        seen = {**activations(batch, layers), IMAGE: batch}

        def one(objective: Any) -> tf.Tensor:
            # The tensors of one objective, repeated for each image of the batch.
            weight, values, references = tf.nest.map_structure(
                lambda value: tf.repeat(value[None], number, axis=0), objective
            )
            return score_images(terms, seen, tf.transpose(weight), values, number, references)

        return tf.map_fn(one, (tf.transpose(weights), parameters, wanted), fn_output_signature=tf.float32)

    wanted = references.get_concrete_function()()
    score_batch = None
    rows = []
    for start in range(0, len(images), number):
        batch = images[start : start + number]
        # The last batch is filled up, so that one trace serves all batches.
        full = tf.constant(np.concatenate([batch, np.repeat(batch[-1:], number - len(batch), axis=0)]))
        score_batch = score_batch or score.get_concrete_function(full, wanted)
        rows.append(score_batch(full, wanted).numpy().T[: len(batch)])
    return np.concatenate(rows)
