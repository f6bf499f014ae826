"""Feature accentuation: the parts of a photograph that an objective responds to, made stronger."""

from typing import Any

import keras
import numpy as np

from maco_tf.checks import check_number
from maco_tf.images.fitting import as_images, check_channels, fit_images
from maco_tf.models.activations import Activations
from maco_tf.objectives.feature_inversion import FeatureInversion
from maco_tf.objectives.objective import Objective, check_objective_type
from maco_tf.spectrum.estimate import estimate_magnitude
from maco_tf.visualizers.explanation import Explanation
from maco_tf.visualizers.maco import MacoVisualizer
from maco_tf.visualizers.resolution import resolve_image_size


def accentuate(
    model: keras.Model,
    image: Any,
    objective: Objective,
    *,
    layer: str | int,
    weight: float = 1.0,
    learning_rate: Any = None,
    seed: int | None = None,
    verbose: int | str = "auto",
    **settings: Any,
) -> Explanation:
    """Strengthen the features of a real image that an objective responds to, and keep the image recognisable.

        accentuate(model, photograph, Logit("pug"), layer="block2b_add").show()

    The run starts at the image: its phase, its magnitude and its mean. A term of the objective,
    `weight * FeatureInversion(layer, image, measure="l2")`, pulls it back to the image's activations in an early layer.
    The term is 0 at the image, and -1 when nothing of the activations is left.

    Args:
        model: see `MacoVisualizer`.
        image: array (height, width, channels); integers count from 0 to 255, floating-point values lie in [0, 1]. Or a
            path or an image of Pillow. Its centre is resized to the size of the result.
        objective: an `Objective` of any length; each run starts at the image.
        layer: name, path or index of an early layer whose activations should stay.
        weight: weight of these activations, at least 0; logits are of the order of ten.
        learning_rate: see `MacoVisualizer`. `None` is 0.05: with the 1 of a random start, the image would be lost in a
            few steps.
        seed: see `MacoVisualizer.explain`.
        verbose: see `MacoVisualizer.explain`.
        **settings: further settings of `MacoVisualizer`, such as `steps`.

    Returns:
        An `Explanation`.

    Raises:
        ValueError: there is more than one image, it has fewer than 8 x 8 pixels or one colour only, or `MacoVisualizer`
            or its `explain` refuse an argument.

    Source: Hamblin et al., 2024 (arXiv:2402.10039).
    """
    check_objective_type(objective)
    image = as_images("image", image)
    if len(image) != 1:
        raise ValueError(f'"image" must be one image, because its magnitude is kept. Received: {len(image)}.')
    spread = np.ptp(image, axis=(1, 2)).max()
    if min(image.shape[1:3]) < 8 or spread == 0:
        raise ValueError(
            '"image" must have at least 8 x 8 pixels that are not all alike, because its spectrum is changed. '
            f"Received: shape {image.shape[1:]}, with values that differ by at most {spread:g}."
        )
    weight = check_number("weight", weight, least=0)
    given = {"magnitude", "mean_level", "contrast"} & set(settings)
    if given:
        raise ValueError(
            f'"magnitude", "mean_level" and "contrast" must be those of the image. Received: '
            f"{', '.join(sorted(given))}. Leave them out."
        )
    if learning_rate is None and settings.get("optimizer") is None:
        learning_rate = 0.05
    # The magnitude is measured at the size of the result; an interpolated one would not be the image's.
    activations = Activations(model, settings.get("preprocessing", "auto"), settings.get("input_shape"))
    input_shape = activations.input_shape
    check_channels("image", image, input_shape[-1])
    recipe = MacoVisualizer.settings_of(settings.get("recipe", "default"))
    wanted = settings.get("image_size")
    image = fit_images(image, resolve_image_size(recipe.get("image_size") if wanted is None else wanted, input_shape))
    visualizer = MacoVisualizer(
        model,
        # Of the image as it is: without its smooth component, it would be another image.
        magnitude=estimate_magnitude(image, periodic=False, verbose=0),
        mean_level=1.0,
        contrast=1.0,
        learning_rate=learning_rate,
        **settings,
    )
    anchored = objective + weight * FeatureInversion(layer, image, measure="l2", names=["the image"])
    return visualizer.explain(anchored, seed=seed, start=image, verbose=verbose)
