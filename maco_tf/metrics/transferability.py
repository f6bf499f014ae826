"""Whether other networks see in an image what it was made to show."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from maco_tf.metrics.classifier_scores import (
    ClassifierScores,
    as_targets,
    check_targets,
    classify,
    probability_extractor,
)


def transferability(images, targets, classifiers, *, verbose="auto"):
    """How several classifiers see finished images, whole, each at the size of its input. Higher is better.

    It does not measure whether people recognise the class, nor whether the image explains the network it was made
    from: classifiers share their data and their shortcuts, so that a picture of what all of them overrate scores high,
    and a picture of what only the explained network looks for, which would be the finding, scores low.

    Args:
        images: array (count, height, width, channels) in [0, 1], or another form; see `ImageSet`. A dataset is read
            once for each classifier.
        targets: the class number of each image.
        classifiers: dictionary, name -> model, or `(model, preprocessing)`; see `classify`. Leave the explained model
            out; `agreement` is for it.
        verbose: 0 is silent; 1 or "auto" shows progress.

    Returns:
        Dictionary, name -> `ClassifierScores`, and under "mean" their mean over the classifiers.

    Raises:
        ValueError: no classifier, one named "mean", or targets that are not the classifiers' classes.

    Source: the paper's transferability score.
    """
    if not isinstance(classifiers, Mapping) or not classifiers:
        raise ValueError(
            f'"classifiers" must be a dictionary, name -> model, of at least one. Received: {classifiers!r:.80}.'
        )
    if "mean" in classifiers:
        raise ValueError('"classifiers" must not be named "mean", which names the result over all. Received: one.')
    # All that may be wrong is looked for before the first image is.
    extractors = {name: probability_extractor(classifier) for name, classifier in classifiers.items()}
    for extractor in extractors.values():
        check_targets(targets, images, extractor)
    scores = {}
    for name, extractor in extractors.items():
        probabilities = classify(images, extractor, verbose=verbose)
        scores[name] = ClassifierScores.of(probabilities, as_targets(targets, *probabilities.shape))
    mean = np.mean([dataclasses.astuple(score) for score in scores.values()], axis=0)
    return {**scores, "mean": ClassifierScores(*map(float, mean))}
