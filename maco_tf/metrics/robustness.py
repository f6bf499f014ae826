"""Whether what an image shows survives what may happen to it."""

import itertools

import cv2
import numpy as np

from maco_tf.metrics.classifiers import as_targets, classify, probability_extractor
from maco_tf.metrics.image_set import ImageSet

# What is told of an image.
ROBUSTNESS = ("clean", "crop", "noise", "jpeg", "mean")

# Images perturbed at once: each is held several times over.
_AT_ONCE = 32


def robustness(
    images, targets, classifier, *, seed=0, views=4, crop_side=(0.6, 0.9), noise=0.1, quality=30, verbose="auto"
):
    """Drop of the target's probability under crops, noise and JPEG compression. Lower is better; 0 is unmoved.

    The crops and the noise are drawn once and are the same for every image, so that an image's part depends on it and
    the seed alone. Small, far or finely tuned patterns fall; but an image that shows nothing has nothing to lose: read
    the drop beside "clean". It does not measure whether people see the class, nor whether real attacks would succeed.

    Args:
        images: array (count, height, width, 1 or 3): integers to 255 or numbers in [0, 1]; or another form, all of one
            size; see `ImageSet`. Files are streamed.
        targets: the class number of each image.
        classifier: model or `(model, preprocessing)`; see `classify`.
        seed: integer, of the crops and the noise. Take another than the optimisation's.
        views: crops and noises an image.
        crop_side: smallest and largest side of a crop, fractions of the image's, in (0, 1]; crops lie anywhere inside.
        noise: standard deviation of Gaussian noise, clipped to [0, 1].
        quality: of the JPEG file, 1 to 100.
        verbose: 0 is silent; 1 or "auto" shows progress.

    Returns:
        Dictionary: "clean", the mean probability of the untouched images; "crop", "noise" and "jpeg", how much lower
        it is then, below 0 where it rises; "mean", the mean of these three.

    Raises:
        ValueError: images or targets that do not fit, or a setting outside its range.
    """
    settings = {"seed": seed, "views": views, "crop_side": crop_side, "noise": noise, "quality": quality}
    each = robustness_by_image(images, targets, classifier, **settings, verbose=verbose)
    return {name: float(np.mean(values)) for name, values in each.items()}


def robustness_by_image(
    images, targets, classifier, *, seed=0, views=4, crop_side=(0.6, 0.9), noise=0.1, quality=30, verbose="auto"
):
    """`robustness` of each image, from which its error over images or classes can be had.

    Args:
        images: see `robustness`, as for all arguments.

    Returns:
        Dictionary of the same keys -> array (count,), float64.

    Raises:
        ValueError: see `robustness`.
    """
    _check_settings(views, crop_side, noise, quality)
    classifier = probability_extractor(classifier)
    images = ImageSet(images, classifier.input_shape[2])
    images = ImageSet(list(images)) if images.count is None else images
    if not images.count:
        raise ValueError('"images" must be at least one, of 1 or 3 channels. Received: none.')
    targets = as_targets(targets, images.count, classifier.layer_shape[0])
    rng = np.random.default_rng(seed)
    crops = [(*rng.uniform(*crop_side, size=1), *rng.uniform(size=2)) for _ in range(views)]
    noises, parts, iterator, start = None, [], iter(images), 0
    while batch := list(itertools.islice(iterator, _AT_ONCE)):
        if noises is None:
            noises = rng.normal(scale=noise, size=(views, *batch[0].shape)).astype("float32")
        batch = _stacked(batch, noises.shape[1:])
        own = targets[start : start + len(batch)]
        start += len(batch)

        def probability(perturbed, own=own):
            probabilities = classify(perturbed, classifier, verbose=verbose)
            return probabilities[np.arange(len(own)), own].astype("float64")

        clean = probability(batch)
        drops = [
            clean - np.mean([probability(_crop(batch, *crop)) for crop in crops], axis=0),
            clean - np.mean([probability(np.clip(batch + field, 0, 1)) for field in noises], axis=0),
            clean - probability(np.stack([_compress(image, quality) for image in batch])),
        ]
        parts.append(np.stack([clean, *drops, np.mean(drops, axis=0)]))
    return dict(zip(ROBUSTNESS, np.concatenate(parts, axis=1)))


def _stacked(batch, shape):
    if shape[-1] not in (1, 3) or {image.shape for image in batch} != {shape}:
        raise ValueError(
            '"images" must be of one size and of 1 or 3 channels, which JPEG has. Received: shapes '
            f"{sorted({shape, *(image.shape for image in batch)})}."
        )
    return np.stack(batch)


def _check_settings(views, crop_side, noise, quality):
    if not isinstance(views, int) or views < 1:
        raise ValueError(f'"views" must be a positive integer. Received: {views!r}.')
    if len(crop_side) != 2 or not 0 < crop_side[0] <= crop_side[1] <= 1:
        raise ValueError(f'"crop_side" must be (smallest, largest) in (0, 1]. Received: {crop_side!r}.')
    if not noise >= 0:
        raise ValueError(f'"noise" must not be negative: it is a standard deviation. Received: {noise!r}.')
    if not isinstance(quality, int) or not 1 <= quality <= 100:
        raise ValueError(f'"quality" must be an integer from 1 to 100. Received: {quality!r}.')


def _crop(images, side, top, left):
    """`top` and `left` are fractions of the room that the crop leaves."""
    height, width = (max(round(side * size), 1) for size in images.shape[1:3])
    top, left = round(top * (images.shape[1] - height)), round(left * (images.shape[2] - width))
    return images[:, top : top + height, left : left + width]


def _compress(image, quality):
    pixels = np.round(image[..., ::-1] * 255).astype("uint8")
    encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED).reshape(image.shape)
    return decoded[..., ::-1].astype("float32") / 255
