"""The scores of a benchmark's images, computed with whatever its cells share only once."""

import dataclasses
import functools
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from maco_tf.benchmark.descriptions import DESCRIPTIONS
from maco_tf.benchmark.networks import Networks
from maco_tf.benchmark.reference import Reference, Spectra, spectra_of
from maco_tf.benchmark.score import Score
from maco_tf.benchmark.settings import BenchmarkSettings
from maco_tf.benchmark.store import ImageStore
from maco_tf.metrics.classifiers import ClassifierScores
from maco_tf.metrics.diversity import diversity
from maco_tf.metrics.feature_array import unit_rows
from maco_tf.metrics.frechet import fid, fid_infinity
from maco_tf.metrics.kernel_distance import KernelSums
from maco_tf.metrics.plausibility import plausibility
from maco_tf.metrics.power_spectrum import PowerSpectrum, profile_deviation
from maco_tf.metrics.precision_recall import NEIGHBOURS, PrecisionRecall, overlap
from maco_tf.metrics.robustness import ROBUSTNESS
from maco_tf.metrics.two_alternative import two_alternative

# With fewer images, the extrapolation removes less than half of FID's bias; see the values at `fid_infinity`.
_FEWEST_FOR_INFINITY = 300

# The scores that compare with real images.
_DISTANCES, _OVERLAP = ("FID", "FID-infinity", "KID"), PrecisionRecall._fields
_TEST = "two-alternative"
_OF_REAL_IMAGES = ("plausibility", "plausibility, normalised", *_DISTANCES, *_OVERLAP, _TEST, "spectrum deviation")

# Each real image of a class is paired with this many images of other classes, the most similar ones.
_RIVALS = 10

Scores = dict[str, Score]


class Scorer:
    """Scores the images of one model and method after another.

    Args:
        settings: a `BenchmarkSettings`.
        store: an `ImageStore` that holds all images.
    """

    def __init__(self, settings: BenchmarkSettings, store: ImageStore) -> None:
        self.settings, self.store = settings, store
        self._networks = Networks(store.folder / "features", settings.files)
        # The class of each image.
        self._targets = np.repeat(settings.classes, len(settings.seeds))
        self._reference = None if settings.real_images is None else Reference(settings, self._networks)
        self._spectra_of_cells: dict[tuple[str, str], Spectra] = {}

    def load(self) -> None:
        """Load and trace every network that scoring needs, so that a missing one is found before any work is done.

        Raises:
            ValueError: a network is not a classifier, or has no layer with positions.
            OSError: weights could not be downloaded.
        """
        for name in dict.fromkeys((*self.settings.models, *self.settings.judges)):
            self._networks.classifier(name)
        self._networks.extractor(self.settings.features)

    @property
    def basis(self) -> dict[str, int]:
        """The number of "real images" and the "dimensions" of their features; empty without real images."""
        if self._reference is None:
            return {}
        dimensions = self._reference.features(self.settings.features)[0].shape[1]
        return {"real images": len(self._reference.all_files), "dimensions": dimensions}

    def scores(self, model: str, method: str, *, robust: bool = True) -> Scores:
        """All scores of a cell.

        Args:
            model: name.
            method: name.
            robust: whether robustness is among them, which takes most of the time.

        Returns:
            Dictionary, name -> `Score`, with every name in `DESCRIPTIONS`. In addition, "judge <name>" is the mean
            target probability by one judge, "top-1 <name>" and "top-5 <name>" are the fractions of images whose target
            that judge ranks first or among the first five, and "robustness crop", "robustness noise" and "robustness
            jpeg" are the parts of "robustness".
        """
        paths, judges = self._paths(model, method), self._judges(model)
        features = self._by_class(self._networks.features(self.settings.features, paths))
        scores = {
            **self._ratings(model, judges, paths),
            **(self._robustness(judges, paths) if robust else {}),
            **self._spectra(model, method),
            "diversity": self._diversity(features, len(paths)),
        }
        if self._reference is None:
            return scores | {name: Score.missing("no real images") for name in _OF_REAL_IMAGES}
        real, count = self._reference, len(paths)
        scores |= self._plausibility(real, model, paths)
        scores |= self._distances(real, features, count) | self._overlap(real, features, count)
        return scores | {_TEST: self._two_alternative(real, features, count)}

    def missing(self, model: str, reason: str) -> Scores:
        """The scores of a cell without images.

        Args:
            model: name.
            reason: see `Score.missing`.

        Returns:
            Dictionary with the names that `scores` has.
        """
        judged = [f"{kind} {name}" for kind in ("judge", "top-1", "top-5") for name in self._judges(model)]
        names = (*DESCRIPTIONS, *judged, *(f"robustness {kind}" for kind in ROBUSTNESS[1:] if kind != "mean"))
        return dict.fromkeys(names, Score.missing(reason))

    def spectrum(self, model: str, method: str) -> PowerSpectrum:
        """The power spectrum averaged over the images of a cell.

        Args:
            model: name.
            method: name.
        """
        return self._spectra_of(model, method).mean

    def natural_spectrum(self) -> PowerSpectrum | None:
        """The power spectrum averaged over the real images, at the size of the visualisations; `None` without any."""
        return None if self._reference is None else self._reference.spectra.mean

    def natural(self) -> Scores:
        """The scores of real images, where they show which value is natural.

        Returns:
            Dictionary, name -> `Score`; empty without real images.
        """
        if self._reference is None:
            return {}
        high = [Score.of(fractions, seeds=len(fractions)).mean for fractions in self._reference.high_frequencies]
        real, count = self._reference.features(self.settings.features), len(self._reference.all_files)
        return {
            "high frequencies": dataclasses.replace(Score.of(high, seeds=1), count=count),
            "diversity": self._diversity(real, count),
        }

    def _paths(self, model: str, method: str) -> list[str]:
        classes, seeds = self.settings.classes, self.settings.seeds
        return [str(self.store.path(model, method, index, seed)) for index in classes for seed in seeds]

    def _judges(self, model: str) -> list[str]:
        return [name for name in self.settings.judges if name != model]

    def _ratings(self, model: str, judges: Sequence[str], paths: Sequence[str]) -> Scores:
        """The judges' ratings, their means, and the rating by the explained model."""
        scores, ratings = {}, {name: self._rating(name, paths) for name in judges}
        for name, rating in ratings.items():
            for kind, values in zip(("judge", "top-1", "top-5"), rating):
                scores[f"{kind} {name}"] = self._score(values)
        for kind, values in zip(("transferability", "top-1", "top-5"), np.mean(list(ratings.values()), axis=0)):
            scores[kind] = self._score(values)
        scores["agreement"] = self._score(self._rating(model, paths)[0])
        return scores

    def _rating(self, name: str, paths: Sequence[str]) -> np.ndarray:
        """Target probability, top-1 and top-5 of each image: (3, count)."""
        probabilities = self._networks.probabilities(name, paths)
        by_image = [
            dataclasses.astuple(ClassifierScores.of(row[None], target[None]))
            for row, target in zip(probabilities, self._targets)
        ]
        top_1, top_5, probability = np.array(by_image).T
        return np.stack([probability, top_1, top_5])

    def _robustness(self, judges: Sequence[str], paths: Sequence[str]) -> Scores:
        by_judge = [self._networks.robustness(name, paths, self._targets.tolist()) for name in judges]
        drops = {kind: self._score(np.mean([drop[kind] for drop in by_judge], axis=0)) for kind in ROBUSTNESS[1:]}
        return {"robustness": drops.pop("mean"), **{f"robustness {kind}": drop for kind, drop in drops.items()}}

    def _spectra_of(self, model: str, method: str) -> Spectra:
        if (model, method) not in self._spectra_of_cells:
            spectra = spectra_of(self._paths(model, method), self.settings.image_size)
            self._spectra_of_cells[model, method] = spectra
        return self._spectra_of_cells[model, method]

    def _spectra(self, model: str, method: str) -> Scores:
        spectra = self._spectra_of(model, method)
        # The mean of the images' fractions; the fraction of the whole set would be that of its most contrasted images.
        scores = {"high frequencies": self._score(spectra.high)}
        if self._reference is not None:
            scores["spectrum deviation"] = self._of_set(
                lambda images, real: profile_deviation(images.mean(axis=0), real.mean(axis=0)),
                len(spectra.high),
                self._by_class(spectra.profiles),
                self._reference.profiles,
            )
        return scores

    def _plausibility(self, reference: Reference, model: str, paths: Sequence[str]) -> Scores:
        features, targets = self._networks.features(model, paths), self._targets.tolist()
        real = dict(zip(self.settings.classes, reference.features(model)))
        scores = {"plausibility": self._score(plausibility(features, real, classes=targets))}
        if all(np.any(rows, axis=1).all() for rows in (features, *real.values())):
            distances = plausibility(features, real, normalized=True, classes=targets)
            scores["plausibility, normalised"] = self._score(distances)
        else:
            scores["plausibility, normalised"] = Score.missing("some features are all zero")
        return scores

    def _distances(self, reference: Reference, features: Sequence[np.ndarray], count: int) -> Scores:
        """FID, its extrapolation and KID."""
        if count < 2 or len(reference.all_files) < 2:
            return dict.fromkeys(_DISTANCES, Score.missing("one image has no spread"))
        real = reference.features(self.settings.features)
        sums = KernelSums(features, real, reference.kernel)
        scores = {"KID": Score.of_set(sums.kid, len(self.settings.classes), count)}
        with warnings.catch_warnings():
            # The report says once that there are fewer images than dimensions.
            warnings.filterwarnings("ignore", "FID fits")
            scores["FID"] = self._of_set(fid, count, features, real)
            if count < _FEWEST_FOR_INFINITY:
                scores["FID-infinity"] = Score.missing(f"too few images: {count} of {_FEWEST_FOR_INFINITY}")
            else:
                # No error: the jackknife would attribute the randomness of the subsets to the classes.
                value = fid_infinity(np.concatenate(features), np.concatenate(real))
                scores["FID-infinity"] = Score(value, float("nan"), count)
        return scores

    def _overlap(self, reference: Reference, features: Sequence[np.ndarray], count: int) -> Scores:
        """Precision and recall."""
        real = reference.features(self.settings.features)
        fewest = min(map(_fewest_left, (features, real)))
        if fewest <= NEIGHBOURS:
            return dict.fromkeys(_OVERLAP, Score.missing(f"too few images: {fewest} of {NEIGHBOURS + 1}"))

        @functools.cache
        def values_of(positions: tuple[int, ...]) -> PrecisionRecall:
            made, natural = (np.concatenate([rows[i] for i in positions]) for rows in (features, real))
            return overlap(made, natural, reference.radii(positions))

        def score(index: int) -> Score:
            def value_of(positions: np.ndarray) -> float:
                return values_of(tuple(positions.tolist()))[index]

            return Score.of_set(value_of, len(self.settings.classes), count)

        return {name: score(index) for index, name in enumerate(_OVERLAP)}

    def _two_alternative(self, reference: Reference, features: Sequence[np.ndarray], count: int) -> Score:
        """The accuracy for every class, over pairs of a real image of the class and a similar one of another class."""
        real = reference.features(self.settings.features)
        if len(real) < 2:
            return Score.missing("one class has no other")
        if not np.any(np.concatenate([*features, *real]), axis=1).all():
            return Score.missing("some features are all zero")
        accuracies = []
        for position, (made, own) in enumerate(zip(features, real)):
            others = np.concatenate(real[:position] + real[position + 1 :])
            similarity = unit_rows("real", own) @ unit_rows("real", others).T
            rivals = others[np.argsort(-similarity, axis=1)[:, :_RIVALS]]
            strong = np.repeat(own, rivals.shape[1], axis=0)
            weak = rivals.reshape(strong.shape)
            accuracies.append(float(two_alternative(strong[None], weak[None], made[None]).accuracy[0]))
        return dataclasses.replace(Score.of(accuracies, 1), count=count)

    def _diversity(self, features: Sequence[np.ndarray], count: int) -> Score:
        if count < 2:
            return Score.missing("diversity needs two images")
        if not np.any(np.concatenate(features), axis=1).all():
            return Score.missing("some features are all zero")
        return self._of_set(diversity, count, features)

    def _by_class(self, rows: np.ndarray) -> list[np.ndarray]:
        """Split the rows of all visualisations by class."""
        return np.split(np.asarray(rows), len(self.settings.classes))

    def _score(self, values: ArrayLike) -> Score:
        return Score.of(values, len(self.settings.seeds))

    def _of_set(self, function: Callable[..., float], count: int, *sets: Sequence[np.ndarray]) -> Score:
        """A score of whole sets, split by class. A class that is left out is left out of every set."""

        def value_of(positions: np.ndarray) -> float:
            return function(*(np.concatenate([rows[i] for i in positions]) for rows in sets))

        return Score.of_set(value_of, len(self.settings.classes), count)


def _fewest_left(groups: Sequence[np.ndarray]) -> int:
    """The number of rows when the largest class is left out, as the jackknife does for three classes or more."""
    sizes = [len(rows) for rows in groups]
    return sum(sizes) - (max(sizes) if len(sizes) > 2 else 0)
