"""Whether the explained network sees in the whole image what its crops were made to show."""

from maco_tf.metrics.classifier_scores import (
    ClassifierScores,
    as_targets,
    check_targets,
    classify,
    probability_extractor,
)


def agreement(images, targets, model, *, verbose="auto"):
    """How the explained model itself sees the finished images, whole.

    An optimisation sees crops and noise; this is whether its result holds for the picture that people look at. It does
    not measure quality: adversarial noise agrees perfectly. Read it as a condition, beside `transferability` and
    `plausibility`.

    Args:
        images: see `transferability`.
        targets: the class number of each image.
        model: the explained model, or `(model, preprocessing)`; see `classify`.
        verbose: 0 is silent; 1 or "auto" shows progress.

    Returns:
        `ClassifierScores`.

    Raises:
        ValueError: targets that are not the model's classes.
    """
    extractor = probability_extractor(model)
    check_targets(targets, images, extractor)
    probabilities = classify(images, extractor, verbose=verbose)
    return ClassifierScores.of(probabilities, as_targets(targets, *probabilities.shape))
