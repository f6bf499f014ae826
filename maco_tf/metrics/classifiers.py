"""How classifiers see finished images: the explained one and others."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from maco_tf.metrics.feature_extractor import FeatureExtractor
from maco_tf.metrics.image_set import ImageSet
from maco_tf.models.activations import PROBABILITIES


@dataclasses.dataclass(frozen=True)
class ClassifierScores:
    """Means over images.

    Attributes:
        top_1: share of the images whose target is the most probable class.
        top_5: share whose target is among the five most probable classes.
        probability: mean probability of the target.
    """

    top_1: float
    top_5: float
    probability: float

    @classmethod
    def of(cls, probabilities, targets):
        """Count.

        Args:
            probabilities: array (count, classes).
            targets: array (count,) of class numbers.
        """
        own = np.take_along_axis(probabilities, targets[:, None], axis=1)
        # Of a tie the target counts as the last, or a network that says nothing would always be right.
        rank = np.sum(probabilities >= own, axis=1) - 1
        return cls(float(np.mean(rank < 1)), float(np.mean(rank < 5)), float(np.mean(own, dtype="float64")))


def classify(images, classifier, *, verbose="auto"):
    """The class probabilities that a classifier gives whole images.

    Args:
        images: see `ImageSet`; resized to the classifier's input whatever their proportions, so that it sees the whole.
        classifier: a `keras.Model` from images in [0, 1], ending in a softmax, a sigmoid or logits; a pair
            `(model, preprocessing)` with the latter as `as_preprocessing` takes it; or what `probability_extractor`
            made of either, which need not be traced again.
        verbose: 0 is silent; 1 or "auto" shows progress.

    Returns:
        Array (count, classes), float32 in [0, 1].

    Raises:
        ValueError: the model gives no probability for each of several classes.
    """
    probabilities = probability_extractor(classifier)(images, verbose=verbose)
    if not np.isfinite(probabilities).all():
        raise ValueError('"classifier" must give finite probabilities. Received: some that are not. See the images.')
    return probabilities


def probability_extractor(classifier):
    """A classifier as an extractor of class probabilities from whole images.

    Args:
        classifier: see `classify`.

    Returns:
        A `FeatureExtractor`, (count, classes) for an image set.

    Raises:
        ValueError: no model that can be served; see `Activations`.
    """
    if isinstance(classifier, FeatureExtractor):
        return classifier
    model, preprocessing = classifier if isinstance(classifier, tuple | list) else (classifier, None)
    extractor = FeatureExtractor(model, PROBABILITIES, preprocessing=preprocessing, fit="stretch")
    if len(extractor.layer_shape) != 1 or extractor.layer_shape[0] == 1:
        raise ValueError(
            '"classifier" must give one probability for each of two classes or more. Received: '
            f"{model.name!r}, whose output has the shape {extractor.layer_shape}."
        )
    return extractor


def check_targets(targets, images, extractor):
    """Refuse wrong targets before any image is looked at.

    Args:
        targets: see `as_targets`.
        images: see `classify`; a dataset's number is not known before it is read, and is not checked.
        extractor: what `probability_extractor` returns.

    Raises:
        ValueError: see `as_targets`.
    """
    count, classes = ImageSet(images, extractor.input_shape[2]).count, extractor.layer_shape[0]
    if count is not None and classes is not None:
        as_targets(targets, count, classes)


def as_targets(targets, count, classes):
    """The class that each image should show.

    Args:
        targets: integers, one an image.
        count: number of images.
        classes: number of classes.

    Returns:
        Array (count,), int64.

    Raises:
        ValueError: another number of targets, or one that is no class.
    """
    targets = np.asarray(targets)
    if targets.shape != (count,) or targets.dtype.kind not in "iu":
        raise ValueError(
            f'"targets" must be {count} class numbers, one an image. Received: shape {targets.shape}, {targets.dtype}.'
        )
    if count and not (targets.min() >= 0 and targets.max() < classes):
        raise ValueError(
            f'"targets" must lie in [0, {classes}), the classifier\'s classes. Received: {targets.min()} to '
            f"{targets.max()}."
        )
    return targets.astype("int64")


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
