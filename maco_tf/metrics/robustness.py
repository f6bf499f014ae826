"""Whether what an image shows survives what may happen to it."""

import cv2
import numpy as np

from maco_tf.metrics.classifier_scores import as_targets, classify, probability_extractor
from maco_tf.spectrum.image_batches import image_batches, unit_range


def robustness(
    images, targets, classifier, *, seed=0, views=4, crop_side=(0.6, 0.9), noise=0.1, quality=30, verbose="auto"
):
    """Drop of the target's probability under crops, noise and JPEG compression. Lower is better; 0 is unmoved.

    The crops and the noise are drawn once and are the same for every image, so that an image's part depends on it and
    the seed alone. Small, far or finely tuned patterns fall; but an image that shows nothing has nothing to lose: read
    the drop beside "clean". It does not measure whether people see the class, nor whether real attacks would succeed.

    Args:
        images: array (count, height, width, 1 or 3): integers to 255 or numbers in [0, 1].
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
    _check_settings(views, crop_side, noise, quality)
    images = np.concatenate([unit_range(batch).numpy() for batch in image_batches(images, 32)] or [np.empty(0)])
    if not len(images) or images.shape[-1] not in (1, 3):
        raise ValueError(
            f'"images" must be at least one, of 1 or 3 channels, which JPEG has. Received: shape {images.shape}.'
        )

    classifier = probability_extractor(classifier)

    def probability(perturbed):
        probabilities = classify(perturbed, classifier, verbose=verbose)
        own = as_targets(targets, *probabilities.shape)
        return float(np.mean(probabilities[np.arange(len(own)), own], dtype="float64"))

    rng = np.random.default_rng(seed)
    clean = probability(images)
    crops = [_crop(images, *rng.uniform(*crop_side, size=1), *rng.uniform(size=2)) for _ in range(views)]
    noises = rng.normal(scale=noise, size=(views, *images.shape[1:])).astype("float32")
    drops = {
        "crop": clean - np.mean([probability(crop) for crop in crops]),
        "noise": clean - np.mean([probability(np.clip(images + field, 0, 1)) for field in noises]),
        "jpeg": clean - probability(np.stack([_compress(image, quality) for image in images])),
    }
    drops = {name: float(drop) for name, drop in drops.items()}
    return {"clean": clean, **drops, "mean": float(np.mean(list(drops.values())))}


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
