"""What a classifier makes of images that should each show a class."""

import dataclasses

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
