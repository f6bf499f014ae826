"""What classifiers see in finished images: the explained model, and models that had no part in making them."""

import dataclasses
from collections.abc import Mapping
from typing import TypeAlias

import keras
import numpy as np
from numpy.typing import ArrayLike

from maco_tf.images.image_set import Images, ImageSet
from maco_tf.metrics.feature_extractor import FeatureExtractor
from maco_tf.models.activations import PROBABILITIES
from maco_tf.models.preprocessing import Preprocessing

# A model, a model with its preprocessing, or the result of `probability_extractor`.
Classifier: TypeAlias = keras.Model | tuple[keras.Model, Preprocessing] | FeatureExtractor


@dataclasses.dataclass(frozen=True)
class ClassifierScores:
    """How well a classifier recognises the targets of a set of images.

    Attributes:
        top_1: fraction of the images whose target is the most probable class.
        top_5: fraction of the images whose target is among the five most probable classes.
        probability: mean probability of the target.
    """

    top_1: float
    top_5: float
    probability: float

    @classmethod
    def of(cls, probabilities: np.ndarray, targets: np.ndarray) -> "ClassifierScores":
        """Compute the scores from class probabilities.

        Args:
            probabilities: array (count, classes).
            targets: array (count,) of class numbers.
        """
        target = np.take_along_axis(probabilities, targets[:, None], axis=1)
        # A tie counts against the target. Otherwise a network that rates all classes alike would always be right.
        rank = np.sum(probabilities >= target, axis=1) - 1
        return cls(float(np.mean(rank < 1)), float(np.mean(rank < 5)), float(np.mean(target, dtype="float64")))


def agreement(
    images: Images, targets: ArrayLike, model: Classifier, *, verbose: int | str = "auto"
) -> ClassifierScores:
    """How well the explained model itself recognises the finished images. Higher is better.

    The optimisation shows the model noisy crops; this score tells whether its result also holds for the whole image
    that people look at. It does not measure quality: adversarial noise has a perfect agreement. Treat it as a necessary
    condition, and read it together with `transferability` and `plausibility`.

    Args:
        images: see `transferability`.
        targets: the class number of each image.
        model: the explained model, or `(model, preprocessing)`; see `classify`.
        verbose: 0 is silent; 1 or "auto" shows a progress bar.

    Returns:
        `ClassifierScores`.

    Raises:
        ValueError: `targets` are not classes of the model.
    """
    extractor = probability_extractor(model)
    _check_targets(targets, images, extractor)
    return _scores(images, targets, extractor, verbose)


def transferability(
    images: Images, targets: ArrayLike, classifiers: Mapping[str, Classifier], *, verbose: int | str = "auto"
) -> dict[str, ClassifierScores]:
    """How well other classifiers recognise the finished images. Higher is better.

    Every classifier sees the whole image at the size of its input. The score does not measure whether people recognise
    the class, nor whether the image explains the network that it was made from. Classifiers share training data and
    shortcuts: an image of something that all of them overrate scores high, and an image of something that only the
    explained network responds to, which would be the finding, scores low.

    Args:
        images: array (count, height, width, channels) in [0, 1], or another form; see `ImageSet`. A dataset is read
            once for every classifier.
        targets: the class number of each image.
        classifiers: dictionary, name -> model, or `(model, preprocessing)`; see `classify`. Leave out the explained
            model; use `agreement` for it.
        verbose: 0 is silent; 1 or "auto" shows a progress bar.

    Returns:
        Dictionary, name -> `ClassifierScores`. The key "mean" holds the mean over the classifiers.

    Raises:
        ValueError: there is no classifier, one is named "mean", or `targets` are not classes of every classifier.

    Source: the paper's transferability score.
    """
    if not isinstance(classifiers, Mapping) or not classifiers:
        raise ValueError(
            '"classifiers" must be a dictionary, name -> model, with at least one entry. '
            f"Received: {classifiers!r:.80}."
        )
    if "mean" in classifiers:
        raise ValueError(
            '"classifiers" must not use the name "mean", which is the key of the mean. Received: a classifier "mean". '
            "Rename it."
        )
    # Everything that may be wrong is checked before the first image is read.
    extractors = {name: probability_extractor(classifier) for name, classifier in classifiers.items()}
    for extractor in extractors.values():
        _check_targets(targets, images, extractor)
    scores = {name: _scores(images, targets, extractor, verbose) for name, extractor in extractors.items()}
    mean = np.mean([dataclasses.astuple(score) for score in scores.values()], axis=0)
    return {**scores, "mean": ClassifierScores(*map(float, mean))}


def classify(images: Images | ImageSet, classifier: Classifier, *, verbose: int | str = "auto") -> np.ndarray:
    """Class probabilities that a classifier gives to whole images.

    Args:
        images: see `ImageSet`. Images are stretched to the classifier's input size, so that it sees all of each image.
        classifier: a `keras.Model` that ends in a softmax, a sigmoid or logits, whose input range is found; a pair
            `(model, preprocessing)`, see `as_preprocessing`; or the result of `probability_extractor`, which saves
            tracing the model again.
        verbose: 0 is silent; 1 or "auto" shows a progress bar.

    Returns:
        Array (count, classes), float32 in [0, 1].

    Raises:
        ValueError: the model does not give probabilities of at least two classes, or gives values that are not finite.
    """
    probabilities = probability_extractor(classifier)(images, verbose=verbose)
    if not np.isfinite(probabilities).all():
        raise ValueError(
            '"classifier" must give finite probabilities. Received: NaN or infinity. Check the images and the network.'
        )
    return probabilities


def probability_extractor(classifier: Classifier) -> FeatureExtractor:
    """Turn a classifier into an extractor of class probabilities of whole images.

    Args:
        classifier: see `classify`.

    Returns:
        A `FeatureExtractor` whose features are the probabilities, (count, classes).

    Raises:
        ValueError: the model cannot be used; see `Activations`. Or it does not give probabilities of at least two
            classes.
    """
    if isinstance(classifier, FeatureExtractor):
        return classifier
    model, preprocessing = classifier if isinstance(classifier, tuple | list) else (classifier, "auto")
    extractor = FeatureExtractor(model, PROBABILITIES, preprocessing=preprocessing, fit="stretch")
    if len(extractor.layer_shape) != 1 or extractor.layer_shape[0] == 1:
        raise ValueError(
            '"classifier" must give one probability for each of two classes or more. Received: '
            f"{model.name!r}, whose output has the shape {extractor.layer_shape}."
        )
    return extractor


def as_targets(targets: ArrayLike, count: int, classes: int) -> np.ndarray:
    """Check the class that each image should show.

    Args:
        targets: integers, one for each image.
        count: number of images.
        classes: number of classes.

    Returns:
        Array (count,), int64.

    Raises:
        ValueError: another number of targets, or a number that is not a class.
    """
    targets = np.asarray(targets)
    if targets.shape != (count,) or targets.dtype.kind not in "iu":
        raise ValueError(
            f'"targets" must be {count} class numbers, one for each image. Received: shape {targets.shape}, '
            f"{targets.dtype}."
        )
    if count and not (targets.min() >= 0 and targets.max() < classes):
        raise ValueError(
            f'"targets" must lie in [0, {classes}), the classifier\'s classes. Received: {targets.min()} to '
            f"{targets.max()}."
        )
    return targets.astype("int64")


def _check_targets(targets: ArrayLike, images: Images, extractor: FeatureExtractor) -> None:
    """Refuse wrong targets before any image is read. A dataset's number of images is not known yet; it is skipped."""
    count, classes = ImageSet(images, extractor.input_shape[2]).count, extractor.layer_shape[0]
    if count is not None and classes is not None:
        as_targets(targets, count, classes)


def _scores(images: Images, targets: ArrayLike, extractor: FeatureExtractor, verbose: int | str) -> ClassifierScores:
    # A damaged file is an error, because each target belongs to an image.
    probabilities = classify(ImageSet(images, extractor.input_shape[2], strict=True), extractor, verbose=verbose)
    return ClassifierScores.of(probabilities, as_targets(targets, *probabilities.shape))
