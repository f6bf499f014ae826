"""Names of units, by soft-WPMI on the user's embeddings of images and words."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from maco_tf.checks import check_integer, check_number
from maco_tf.exemplars.result import Exemplars
from maco_tf.metrics.feature_array import as_features, unit_rows

# CLIP-Dissect's: the probability that the image of the highest activation is an example of the unit's concept, that of
# the image of the rank "top_k", and what is added before the logarithm.
_FIRST, _LAST, _LEAST = 0.998, 0.97, 1e-7

# As many factors of at least 0.002 have a product that float64 holds.
_FACTORS = 100

# Number of numbers in a block of words: 16 MiB in float64, of which a processor caches a part.
_AT_ONCE = 2**21


class UnitNames(NamedTuple):
    """The words that fit each unit best.

    Attributes:
        names: list of tuples of `count` words, the best first; empty for a unit that has one value on all images.
        scores: array (units, count), float64: soft-WPMI, in descending order; NaN for a unit without names.
    """

    names: list[tuple[str, ...]]
    scores: np.ndarray


def name_units(
    activations: ArrayLike | Exemplars,
    image_embeddings: ArrayLike,
    text_embeddings: ArrayLike,
    words: Sequence[str],
    *,
    top_k: int = 100,
    a: float = 10,
    lam: float = 1,
    count: int = 5,
) -> UnitNames:
    """Name units by the words that fit the images that activate them most: CLIP-Dissect, with soft-WPMI.

    A model of images and text, such as CLIP, embeds the images and the words; this package brings none. A word fits an
    image by the softmax over all words of `a` times the cosine of their embeddings. A word's score for a unit is the
    sum, over the `top_k` images that activate it most, of the logarithm of the fit, softened as the activation falls;
    minus `lam` times the same of the mean unit, so that a word that fits every unit names none.

    The names depend on the other units, which should be all of a layer; on the list of words, of which the best are
    taken even if none fits; and on what the model of images and text tells apart. They are no evidence that the unit
    computes what its name says: only the images that activate it most are looked at. Scores compare the words of one
    call.

    Words are taken in blocks, so the memory does not grow with their number.

    Args:
        activations: array (images, units): how strongly each image activates each unit. Or an `Exemplars`, whose sample
            of up to 2,048 images is used.
        image_embeddings: array (images, dimensions). For an `Exemplars`, a row for each image of its source, or for
            each of `sample_indices`.
        text_embeddings: array (words, dimensions).
        words: the words, or longer descriptions.
        top_k: the number of images for each unit, at least 1 and at most the number of images.
        a: number above 0: how much more the best word counts than the next ones.
        lam: number of at least 0: how much the mean unit counts.
        count: the number of names of each unit.

    Returns:
        A `UnitNames`, which unpacks into `names, scores`.

    Raises:
        ValueError: the shapes do not fit, a value is not finite, an embedding is zero, or fewer than two units respond
            to the images.

    Source: Oikarinen and Weng, 2023, "CLIP-Dissect: Automatic Description of Neuron Representations in Deep Vision
        Networks" (arXiv:2204.10965), and `soft_wpmi` of its code, whose defaults are these.
    """
    values, images = _sampled(activations, image_embeddings)
    texts = _unit_rows("text_embeddings", text_embeddings)
    words = list(words)
    if len(words) != len(texts) or texts.shape[1] != images.shape[1]:
        raise ValueError(
            '"text_embeddings" must have a row for each word, and the dimensions of "image_embeddings". Received: '
            f"shape {texts.shape} for {len(words)} words and {images.shape[1]} dimensions."
        )
    if len(values) != len(images):
        raise ValueError(
            f'"image_embeddings" must have a row for each image. Received: {len(images)} rows for {len(values)} images.'
        )
    top_k = check_integer("top_k", top_k, 1, len(values))
    a, lam = check_number("a", a, above=0), check_number("lam", lam, least=0)
    count = check_integer("count", count, 1, len(words))
    (alive,) = np.nonzero(values.min(axis=0) < values.max(axis=0))
    if len(alive) < 2:
        raise ValueError(
            '"activations" must be of at least 2 units that respond to the images, because a name says what sets a '
            f"unit apart. Received: {len(alive)}. Pass those of a whole layer."
        )
    order = np.stack([np.argsort(-values[:, unit], kind="stable")[:top_k] for unit in alive])
    used, positions = np.unique(order, return_inverse=True)
    best, chosen = _best_words(images[used], texts, positions.reshape(order.shape), a, lam, count)
    names: list[tuple[str, ...]] = [()] * values.shape[1]
    scores = np.full((values.shape[1], count), np.nan)
    scores[alive] = best
    for unit, row in zip(alive, chosen, strict=True):
        names[unit] = tuple(words[word] for word in row)
    return UnitNames(names, scores)


def _best_words(
    images: np.ndarray, texts: np.ndarray, positions: np.ndarray, a: float, lam: float, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The highest scores and their words, (units, count); `positions` (units, top_k) are rows of `images`."""
    units, top_k = positions.shape
    size = max(1, _AT_ONCE // (len(images) + units + top_k))
    blocks = [slice(start, start + size) for start in range(0, len(texts), size)]
    normaliser = np.full(len(images), -np.inf)
    for block in blocks:
        normaliser = np.logaddexp(normaliser, logsumexp(a * (images @ texts[block].T), axis=1))
    certainty = (_FIRST - np.arange(top_k) / top_k * (_FIRST - _LAST))[:, None]
    best, chosen = np.empty((units, 0)), np.empty((units, 0), "int64")
    for block in blocks:
        fits = np.exp(a * (images @ texts[block].T) - normaliser[:, None])
        table = np.stack([_log_likelihood(fits[rows], certainty) for rows in positions])
        table -= lam * (logsumexp(table, axis=0) - np.log(units))
        # Of equal scores, the earlier word comes first.
        best = np.concatenate([best, table], axis=1)
        numbers = np.broadcast_to(np.arange(block.start, block.start + table.shape[1]), table.shape)
        chosen = np.concatenate([chosen, numbers], axis=1)
        order = np.argsort(-best, axis=1, kind="stable")[:, :count]
        best, chosen = np.take_along_axis(best, order, 1), np.take_along_axis(chosen, order, 1)
    return best, chosen


def _log_likelihood(fits: np.ndarray, certainty: np.ndarray) -> np.ndarray:
    """The sum over the images of log(1 + certainty * (fit - 1)), for each word. Overwrites `fits`."""
    fits -= 1
    fits *= certainty
    fits += 1 + _LEAST
    # The logarithm of a product is several times faster than a sum of logarithms. A factor is at least 1 - _FIRST.
    products = [fits[start : start + _FACTORS].prod(axis=0) for start in range(0, len(fits), _FACTORS)]
    return np.log(products).sum(axis=0)


def _sampled(activations: ArrayLike | Exemplars, image_embeddings: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The activations (images, units), and the unit vectors of the same images."""
    if isinstance(activations, Exemplars):
        sample, rows = activations.sample_indices, np.asarray(image_embeddings)
        if rows.ndim == 2 and len(rows) > max(len(sample), sample.max()):
            rows = rows[sample]
        activations, image_embeddings = activations.sample_values.T, rows
    values = np.asarray(activations)
    if values.ndim != 2 or 0 in values.shape or values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise ValueError(
            f'"activations" must be an array (images, units) of finite numbers. Received: shape {values.shape}, '
            f"{values.dtype}."
        )
    return values.astype("float64"), _unit_rows("image_embeddings", image_embeddings)


def _unit_rows(argument: str, embeddings: ArrayLike) -> np.ndarray:
    return unit_rows(argument, as_features(argument, embeddings))
