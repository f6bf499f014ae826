"""A test of explanations by a machine: which of two images activates the unit more?"""

import dataclasses
import functools

import numpy as np
from numpy.typing import ArrayLike

from maco_tf.checks import check_number
from maco_tf.metrics.feature_array import as_unit_features, unit_rows
from maco_tf.metrics.feature_extractor import FeatureExtractor

CHANCE = 0.5

# Differences of cosines below this are rounding errors, as between two copies of one image.
_ROUNDING = 1e-12


@dataclasses.dataclass(frozen=True, eq=False)
class TwoAlternative:
    """The answers of a machine to a two-alternative test of several units.

    Attributes:
        margins: array (units, pairs), float64: how much more like the explanation the strong query is than the weak
            one; the answer is right if it is above 0. NaN where a unit has no such pair.
    """

    margins: np.ndarray

    @functools.cached_property
    def pairs(self) -> np.ndarray:
        """Array (units,), int64: the number of pairs of each unit."""
        return np.sum(~np.isnan(self.margins), axis=1)

    @functools.cached_property
    def accuracy(self) -> np.ndarray:
        """Array (units,), float64 in [0, 1]: the share of right answers, where a tie is half a right one. `CHANCE` is
        0.5. NaN for a unit without pairs."""
        right = np.where(np.abs(self.margins) <= _ROUNDING, 0.5, self.margins > 0)
        return self._mean(right)

    @functools.cached_property
    def error(self) -> np.ndarray:
        """Array (units,), float64: the standard error of the accuracy.

        It is the deviation of the probability of a right answer, given the answers and a uniform prior (Laplace). For
        many pairs, it is that of the binomial distribution; unlike that, it is not 0 if all answers are right. It says
        how much the accuracy would change with other queries, not with other images as the explanation.
        """
        count = np.where(self.pairs > 0, self.pairs, np.nan)
        right = self.accuracy * count
        return np.sqrt((right + 1) * (count - right + 1) / (count + 3)) / (count + 2)

    @functools.cached_property
    def margin(self) -> np.ndarray:
        """Array (units,), float64 in [-4, 4]: the mean margin, which still tells units apart whose answers are all
        right. It depends on the embedding, whose cosines may fill a small range only."""
        return self._mean(self.margins)

    @property
    def mean(self) -> tuple[float, float]:
        """`(accuracy, error)`: the mean accuracy over the units that have pairs, and its standard error over the units;
        NaN for the error of a single unit."""
        return _mean_and_error(self.accuracy)

    def difference(self, other: "TwoAlternative") -> tuple[float, float]:
        """How much more accurate these explanations are than others, for the same units and pairs.

        Units differ more than explanations do, so the error of a difference is smaller than those of both means.

        Args:
            other: the result for other explanations.

        Returns:
            `(difference, error)`: the mean difference of the accuracies over the units, and its standard error.

        Raises:
            ValueError: the number of units or pairs differs.
        """
        if self.margins.shape != other.margins.shape or (np.isnan(self.margins) != np.isnan(other.margins)).any():
            raise ValueError(
                '"other" must have the same units and pairs. Received: margins of shape '
                f"{other.margins.shape} for {self.margins.shape}."
            )
        return _mean_and_error(self.accuracy - other.accuracy)

    def confidence(self, sharpness: float) -> np.ndarray:
        """The machine interpretability score: the mean probability of a right answer, sigmoid(sharpness * margin).

        Args:
            sharpness: number above 0, the paper's alpha. The paper fits it to the answers of people for its measure of
                similarity; for another one, it has to be fitted again, and a value without a fit says nothing about
                people.

        Returns:
            Array (units,), float64 in [0, 1]. NaN for a unit without pairs.
        """
        sharpness = check_number("sharpness", sharpness, above=0)
        return self._mean(0.5 * (1 + np.tanh(0.5 * sharpness * self.margins)))

    def _mean(self, values: np.ndarray) -> np.ndarray:
        total = np.where(np.isnan(self.margins), 0, values).sum(axis=1)
        return np.where(self.pairs > 0, total / np.maximum(self.pairs, 1), np.nan)


def two_alternative(
    high: ArrayLike, low: ArrayLike, positive: ArrayLike, negative: ArrayLike | None = None
) -> TwoAlternative:
    """Can a machine tell from the explanation of a unit which of two images activates it more?

    The machine sees images that explain the unit: visualisations of several seeds, or natural exemplars. Of two natural
    images, it chooses the one whose embedding is more like them, by the mean cosine similarity. With negative
    explanations, it compares the similarity to the positive ones minus that to the negative ones, as the paper does.
    All pairs of a unit share its explanations; the authors' code draws others, among the images beyond a quantile, for
    each pair.

    The difficulty is that of the queries; see `draw_pairs`. Compare explanations by the same pairs and by the same
    number of images, which must not be among the queries.

    It does not measure whether people understand the unit: that the paper's score goes with the answers of people was
    shown for natural exemplars and its measure of similarity, DreamSim, and need not hold for others. An embedding
    that was trained on photographs may find none of them like any synthetic image. Nor does the test measure whether
    the explanation shows the cause: a picture of what often occurs together with the cause passes as well. An accuracy
    above chance can come from what the strong queries of all units share; negative explanations cancel a part of it.
    The explanations of other units, such as `np.roll(positive, 1, axis=0)`, are the control for that.

    Args:
        high: array (units, pairs, dimensions): the embeddings of the images that activate the unit strongly. A row of
            NaN stands for a pair that is missing.
        low: array (units, pairs, dimensions): those of the images that activate it weakly.
        positive: array (units, count, dimensions): those of the images that explain what activates the unit.
        negative: array (units, other count, dimensions): those of the images that explain what does not, such as
            visualisations of the minimum or the lowest exemplars; `None` for none. Studies with people show nine of
            each kind.

    Returns:
        A `TwoAlternative`.

    Raises:
        ValueError: the shapes do not fit, or a row is all zeros.

    Source: Zimmermann, Klindt and Brendel, 2024, "Measuring Per-Unit Interpretability at Scale Without Humans"
        (NeurIPS), whose machine interpretability score is `TwoAlternative.confidence`; the task is that of Borowski et
        al., 2021 (arXiv:2010.12606) and Zimmermann et al., 2023 (arXiv:2307.05471).
    """
    given = {"high": high, "low": low, "positive": positive, "negative": negative}
    arrays = {name: as_unit_features(name, array) for name, array in given.items() if array is not None}
    strong, weak = arrays["high"], arrays["low"]
    for name, array in arrays.items():
        same = array.shape[::2] == strong.shape[::2] and (name != "low" or array.shape == strong.shape)
        if not same:
            raise ValueError(
                f'"{name}" must have the units and dimensions of "high", and "low" also its pairs. Received: shape '
                f"{array.shape} for {strong.shape}."
            )
    # The mean cosine to several images is the product with the mean of their unit vectors.
    direction = _mean_direction("positive", arrays["positive"])
    if "negative" in arrays:
        direction = direction - _mean_direction("negative", arrays["negative"])
    difference = unit_rows("high", strong) - unit_rows("low", weak)
    return TwoAlternative(np.einsum("upd,ud->up", difference, direction))


def two_alternative_images(
    extractor: FeatureExtractor,
    high: np.ndarray,
    low: np.ndarray,
    positive: np.ndarray,
    negative: np.ndarray | None = None,
    *,
    verbose: int | str = "auto",
) -> TwoAlternative:
    """`two_alternative` on images: a `FeatureExtractor` embeds them.

    Args:
        extractor: a `FeatureExtractor`, of another network than the one that is explained.
        high: array (units, pairs, height, width, channels), float in [0, 1] or integers in [0, 255].
        low: the same for the weak queries.
        positive: array (units, count, height, width, channels); another size than that of the queries is allowed.
        negative: the same, or `None`.
        verbose: see `FeatureExtractor`.

    Returns:
        A `TwoAlternative`.

    Raises:
        ValueError: an array has another shape; or see `two_alternative`.
    """
    given = {"high": high, "low": low, "positive": positive, "negative": negative}
    embedded: dict[str, np.ndarray] = {}
    for name, images in given.items():
        if images is not None:
            images = np.asarray(images)
            if images.ndim != 5:
                raise ValueError(
                    f'"{name}" must be an array (units, count, height, width, channels). Received: shape '
                    f"{images.shape}."
                )
            features = extractor(images.reshape(-1, *images.shape[2:]), verbose=verbose)
            embedded[name] = features.reshape(*images.shape[:2], -1)
    return two_alternative(**embedded)


def _mean_direction(argument: str, embeddings: np.ndarray) -> np.ndarray:
    """The mean of the unit vectors of each unit, (units, dimensions); NaN for a unit without any."""
    rows = unit_rows(argument, embeddings)
    counts = np.sum(~np.isnan(rows[:, :, :1]), axis=1)
    return np.where(counts > 0, np.nansum(rows, axis=1) / np.maximum(counts, 1), np.nan)


def _mean_and_error(values: np.ndarray) -> tuple[float, float]:
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return float("nan"), float("nan")
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return float(np.mean(values)), float(error)
