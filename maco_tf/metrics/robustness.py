"""Whether a classifier still recognises the target after an image is cropped, gets noisy or is compressed."""

import dataclasses
import itertools
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike

from maco_tf.checks import check_integer, check_number
from maco_tf.images.image_set import Images, ImageSet
from maco_tf.metrics.classifiers import Classifier, as_targets, classify, probability_extractor

# The keys of the results.
ROBUSTNESS = ("clean", "crop", "noise", "jpeg", "mean")

# The number of images damaged at once; memory holds several copies of each.
_AT_ONCE = 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class Damage:
    """The damage that `robustness` does to images.

    Attributes:
        seed: integer of at least 0; determines the crops and the noise.
        views: number of crops, and of noise fields.
        crop_side: smallest and largest side of a crop, as fractions of the image's side, in (0, 1].
        noise: standard deviation of the Gaussian noise, at least 0.
        quality: quality of the JPEG file, from 1 to 100.

    Raises:
        ValueError: a value outside its range.
    """

    seed: int = 0
    views: int = 4
    crop_side: tuple[float, float] = (0.6, 0.9)
    noise: float = 0.1
    quality: int = 30

    def __post_init__(self) -> None:
        checked = {
            "seed": check_integer("seed", self.seed, 0),
            "views": check_integer("views", self.views, 1),
            "crop_side": _checked_sides(self.crop_side),
            "noise": check_number("noise", self.noise, least=0),
            "quality": check_integer("quality", self.quality, 1, 100),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)


def robustness(
    images: Images,
    targets: ArrayLike,
    classifier: Classifier,
    *,
    seed: int = 0,
    views: int = 4,
    crop_side: tuple[float, float] = (0.6, 0.9),
    noise: float = 0.1,
    quality: int = 30,
    verbose: int | str = "auto",
) -> dict[str, float]:
    """Drop of the target's probability under crops, noise and JPEG compression. Lower is better; 0 means no effect.

    The crops and the noise are drawn once and are the same for every image, so that the result for an image depends
    only on that image and the seed. Small, isolated or finely tuned patterns lose most. An image that shows nothing
    has nothing to lose: read the drop together with "clean". The score does not measure whether people see the class,
    nor whether a real attack would succeed.

    Args:
        images: array (count, height, width, 1 or 3), integers in [0, 255] or floating-point values in [0, 1]; or
            another form of images that all have one size, see `ImageSet`. Files are streamed.
        targets: the class number of each image.
        classifier: model or `(model, preprocessing)`; see `classify`.
        seed: integer of at least 0; determines the crops and the noise. Use another seed than the optimisation did.
        views: number of crops, and of noise fields, for each image.
        crop_side: smallest and largest side of a crop, as fractions of the image's side, in (0, 1]. Crops lie anywhere
            inside the image.
        noise: standard deviation of the Gaussian noise; the noisy image is clipped to [0, 1].
        quality: quality of the JPEG file, from 1 to 100.
        verbose: 0 is silent; 1 or "auto" shows a progress bar.

    Returns:
        Dictionary: "clean" is the mean probability of the undamaged images. "crop", "noise" and "jpeg" say how much
        the damage lowers it, and are negative if it rises. "mean" is the mean of these three.

    Raises:
        ValueError: images or targets that do not fit, or a setting outside its range.
    """
    damage = Damage(seed=seed, views=views, crop_side=crop_side, noise=noise, quality=quality)
    by_image = robustness_by_image(images, targets, classifier, damage, verbose=verbose)
    return {name: float(np.mean(values)) for name, values in by_image.items()}


def robustness_by_image(
    images: Images,
    targets: ArrayLike,
    classifier: Classifier,
    damage: Damage | None = None,
    *,
    verbose: int | str = "auto",
) -> dict[str, np.ndarray]:
    """`robustness` of each image, from which an error over images or classes can be computed.

    Args:
        images: see `robustness`.
        targets: see `robustness`.
        classifier: see `robustness`.
        damage: a `Damage`; `None` takes its defaults.
        verbose: see `robustness`.

    Returns:
        Dictionary with the keys of `robustness` -> array (count,), float64.

    Raises:
        ValueError: see `robustness`.
    """
    damage = Damage() if damage is None else damage
    classifier = probability_extractor(classifier)
    image_set = ImageSet(images, classifier.input_shape[2], strict=True)
    image_set = ImageSet(list(image_set)) if image_set.count is None else image_set
    if not image_set.count:
        raise ValueError('"images" must hold at least one image, of 1 or 3 channels. Received: none.')
    targets = as_targets(targets, image_set.count, classifier.layer_shape[0])
    rng = np.random.default_rng(damage.seed)
    crops = [(*rng.uniform(*damage.crop_side, size=1), *rng.uniform(size=2)) for _ in range(damage.views)]
    noises, parts, iterator, start = None, [], iter(image_set), 0
    while images_at_once := list(itertools.islice(iterator, _AT_ONCE)):
        if noises is None:
            noises = rng.normal(scale=damage.noise, size=(damage.views, *images_at_once[0].shape)).astype("float32")
        batch = _stacked(images_at_once, noises.shape[1:])
        batch_targets = targets[start : start + len(batch)]
        start += len(batch)

        def probability(damaged: np.ndarray, classes: np.ndarray = batch_targets) -> np.ndarray:
            probabilities = classify(damaged, classifier, verbose=verbose)
            return probabilities[np.arange(len(classes)), classes].astype("float64")

        clean = probability(batch)
        drops = [
            clean - np.mean([probability(_crop(batch, *crop)) for crop in crops], axis=0),
            clean - np.mean([probability(np.clip(batch + field, 0, 1)) for field in noises], axis=0),
            clean - probability(np.stack([_compress(image, damage.quality) for image in batch])),
        ]
        parts.append(np.stack([clean, *drops, np.mean(drops, axis=0)]))
    return dict(zip(ROBUSTNESS, np.concatenate(parts, axis=1)))


def _checked_sides(crop_side: Sequence[float]) -> tuple[float, float]:
    if not isinstance(crop_side, Sequence | np.ndarray) or len(crop_side) != 2:
        raise ValueError(f'"crop_side" must be a pair (smallest, largest). Received: {crop_side!r}.')
    smallest, largest = (check_number("crop_side", side, above=0, most=1) for side in crop_side)
    if smallest > largest:
        raise ValueError(f'"crop_side" must be (smallest, largest), in this order. Received: {crop_side!r}.')
    return smallest, largest


def _stacked(images: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    if shape[-1] not in (1, 3) or {image.shape for image in images} != {shape}:
        raise ValueError(
            '"images" must have one size, and 1 or 3 channels as JPEG files do. Received: shapes '
            f"{sorted({shape, *(image.shape for image in images)})}."
        )
    return np.stack(images)


def _crop(images: np.ndarray, side: float, top: float, left: float) -> np.ndarray:
    """Crop images. `top` and `left` are fractions, in [0, 1], of the distance that the crop could be moved."""
    height, width = (max(round(side * size), 1) for size in images.shape[1:3])
    first_row, first_column = round(top * (images.shape[1] - height)), round(left * (images.shape[2] - width))
    return images[:, first_row : first_row + height, first_column : first_column + width]


def _compress(image: np.ndarray, quality: int) -> np.ndarray:
    # OpenCV orders channels as blue, green, red.
    pixels = np.round(image[..., ::-1] * 255).astype("uint8")
    encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)).reshape(image.shape)
    return decoded[..., ::-1].astype("float32") / 255
