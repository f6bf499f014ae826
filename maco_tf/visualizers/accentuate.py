"""Feature accentuation: what in a photograph an objective responds to, made stronger."""

import numbers

import numpy as np

from maco_tf.models.activations import Activations
from maco_tf.models.images import as_images, check_channels, fit_images
from maco_tf.objectives.feature_inversion import FeatureInversion
from maco_tf.objectives.objective import check_objective_type
from maco_tf.spectrum.estimate import estimate_magnitude
from maco_tf.visualizers.maco import MacoVisualizer


def accentuate(
    model, image, objective, *, layer, weight=1.0, learning_rate=None, seed=None, verbose="auto", **settings
):
    """Strengthen what an objective looks for in a real image, which stays what it is.

        accentuate(model, photograph, Logit("pug"), layer="block2b_add").show()

    The run starts at the image itself, its phase under its own magnitude and mean, and is drawn back to its activations
    in an early layer by `weight * FeatureInversion(layer, image, measure="l2")`, 0 at the image and -1 at none of it.

    Args:
        model: see `MacoVisualizer`.
        image: array (height, width, channels), integers up to 255 or numbers in [0, 1]; its centre is resized to the
            image's size.
        objective: an `Objective`, of any length: each starts at the image.
        layer: name, path or index of an early layer whose features are to stay.
        weight: 0 or more, how much they count; logits are of the order of ten.
        learning_rate: see `MacoVisualizer`; `None` is 0.05, as by the 1 of a start at random an image would be lost in
            few steps.
        seed: see `MacoVisualizer.explain`.
        verbose: see `MacoVisualizer.explain`.
        **settings: further arguments of `MacoVisualizer`, as `steps`.

    Returns:
        An `Explanation`.

    Raises:
        ValueError: more than one image, one of fewer than 8 x 8 pixels or of one colour, or what `MacoVisualizer` and
            its `explain` refuse.

    Source: Hamblin et al., 2024 (arXiv:2402.10039).
    """
    check_objective_type(objective)
    image = as_images("image", image)
    if len(image) != 1:
        raise ValueError(f'"image" must be one image, whose magnitude is kept. Received: {len(image)}.')
    spread = np.ptp(image, axis=(1, 2)).max()
    if min(image.shape[1:3]) < 8 or spread == 0:
        raise ValueError(
            '"image" must have at least 8 x 8 pixels, not all alike: it is its spectrum that is changed. Received: '
            f"shape {image.shape[1:]}, values that differ by at most {spread:g}."
        )
    if isinstance(weight, bool) or not isinstance(weight, numbers.Real) or not 0 <= weight < np.inf:
        raise ValueError(f'"weight" must be a finite number, 0 or more. Received: {weight!r}.')
    given = {"magnitude", "mean_level"} & set(settings)
    if given:
        raise ValueError(
            f'"magnitude" and "mean_level" must be the image\'s own. Received: {", ".join(sorted(given))}.'
        )
    if learning_rate is None and settings.get("optimizer") is None:
        learning_rate = 0.05
    settings = {**settings, "learning_rate": learning_rate, "mean_level": 1.0}
    # The magnitude is taken at the size that the visualizer decides on: interpolated, it would not be the image's.
    check_channels("image", image, Activations(model, input_shape=settings.get("input_shape")).input_shape[-1])
    size = MacoVisualizer(model, magnitude=estimate_magnitude(image, verbose=0), **settings).image_size
    image = fit_images(image, size)
    visualizer = MacoVisualizer(model, magnitude=estimate_magnitude(image, verbose=0), **settings)
    anchored = objective + weight * FeatureInversion(layer, image, measure="l2", names=["the image"])
    return visualizer.explain(anchored, seed=seed, start=image, verbose=verbose)
