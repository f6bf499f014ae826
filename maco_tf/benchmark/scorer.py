"""The scores of a benchmark's images, computed with whatever its cells share only once."""

import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from maco_tf.benchmark.networks import Networks
from maco_tf.benchmark.score import Score
from maco_tf.benchmark.settings import BenchmarkSettings
from maco_tf.benchmark.store import ImageStore
from maco_tf.images import ImageSet, image_files, readable_files
from maco_tf.metrics.classifiers import ClassifierScores
from maco_tf.metrics.diversity import diversity
from maco_tf.metrics.fit import fit_image
from maco_tf.metrics.frechet import fid, fid_infinity
from maco_tf.metrics.kernel_distance import KernelSums
from maco_tf.metrics.plausibility import plausibility
from maco_tf.metrics.power_spectrum import high_frequency_fraction, power_spectrum, profile_deviation
from maco_tf.metrics.precision_recall import NEIGHBOURS, PrecisionRecall, overlap, squared_radii
from maco_tf.metrics.robustness import ROBUSTNESS
from maco_tf.objectives.imagenet_labels import wnids

# With fewer images, the extrapolation removes less than half of FID's bias; see the values at `fid_infinity`.
_FEWEST_FOR_INFINITY = 300

# The scores that compare with real images.
_DISTANCES, _OVERLAP = ("FID", "FID-infinity", "KID"), PrecisionRecall._fields
_OF_REAL_IMAGES = ("plausibility", "plausibility, normalised", *_DISTANCES, *_OVERLAP, "spectrum deviation")

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
        self._real: dict[str, list[np.ndarray]] = {}
        # The balls around the real images of some classes, which all cells share.
        self._radii: dict[tuple[int, ...], np.ndarray] = {}

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
        if self.settings.real_images is None:
            return {}
        dimensions = self._real_features(self.settings.features)[0].shape[1]
        return {"real images": len(self._all_files), "dimensions": dimensions}

    def scores(self, model: str, method: str) -> Scores:
        """All scores of a cell.

        Args:
            model: name.
            method: name.

        Returns:
            Dictionary, name -> `Score`, with every name in `DESCRIPTIONS`. In addition, "judge <name>" is the mean
            target probability by one judge, "top-1 <name>" and "top-5 <name>" are the fractions of images whose target
            that judge ranks first or among the first five, and "robustness crop", "robustness noise" and "robustness
            jpeg" are the parts of "robustness".
        """
        settings = self.settings
        paths = [
            str(self.store.path(model, method, index, seed)) for index in settings.classes for seed in settings.seeds
        ]
        judges = [name for name in settings.judges if name != model]
        features = self._by_class(self._networks.features(settings.features, paths))
        scores = {
            **self._ratings(model, judges, paths),
            **self._robustness(judges, paths),
            **self._spectra(paths),
            "diversity": self._diversity(features, len(paths)),
        }
        if settings.real_images is None:
            return scores | {name: Score.missing("no real images") for name in _OF_REAL_IMAGES}
        compared = {**self._distances(features, len(paths)), **self._overlap(features, len(paths))}
        return scores | self._plausibility(model, paths) | compared

    def natural(self) -> Scores:
        """The scores of real images, where they show which value is natural.

        Returns:
            Dictionary, name -> `Score`; empty without real images.
        """
        if self.settings.real_images is None:
            return {}
        high = [Score.of(fractions, seeds=len(fractions)).mean for _, fractions in self._real_spectra]
        real = self._real_features(self.settings.features)
        return {
            "high frequencies": dataclasses.replace(Score.of(high, seeds=1), count=len(self._all_files)),
            "diversity": self._diversity(real, len(self._all_files)),
        }

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

    def _spectra(self, paths: Sequence[str]) -> Scores:
        profiles, high = _spectra(ImageSet(paths))
        # The mean of the images' fractions; the fraction of the whole set would be that of its most contrasted images.
        scores = {"high frequencies": self._score(high)}
        if self.settings.real_images is not None:
            real_profiles = [profiles for profiles, _ in self._real_spectra]
            scores["spectrum deviation"] = self._of_set(
                lambda images, real: profile_deviation(images.mean(axis=0), real.mean(axis=0)),
                len(paths),
                self._by_class(profiles),
                real_profiles,
            )
        return scores

    def _plausibility(self, model: str, paths: Sequence[str]) -> Scores:
        features, targets = self._networks.features(model, paths), self._targets.tolist()
        real = dict(zip(self.settings.classes, self._real_features(model)))
        scores = {"plausibility": self._score(plausibility(features, real, classes=targets))}
        if all(np.any(rows, axis=1).all() for rows in (features, *real.values())):
            distances = plausibility(features, real, normalized=True, classes=targets)
            scores["plausibility, normalised"] = self._score(distances)
        else:
            scores["plausibility, normalised"] = Score.missing("some features are all zero")
        return scores

    def _distances(self, features: Sequence[np.ndarray], count: int) -> Scores:
        """FID, its extrapolation and KID."""
        if count < 2 or len(self._all_files) < 2:
            return dict.fromkeys(_DISTANCES, Score.missing("one image has no spread"))
        real = self._real_features(self.settings.features)
        sums = KernelSums(features, real, self._real_kernel)
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

    def _overlap(self, features: Sequence[np.ndarray], count: int) -> Scores:
        """Precision and recall."""
        real = self._real_features(self.settings.features)
        fewest = min(map(_fewest_left, (features, real)))
        if fewest <= NEIGHBOURS:
            return dict.fromkeys(_OVERLAP, Score.missing(f"too few images: {fewest} of {NEIGHBOURS + 1}"))

        @functools.cache
        def values_of(positions: tuple[int, ...]) -> PrecisionRecall:
            made, natural = (np.concatenate([rows[i] for i in positions]) for rows in (features, real))
            if positions not in self._radii:
                self._radii[positions] = squared_radii(natural)
            return overlap(made, natural, self._radii[positions])

        def score(index: int) -> Score:
            def value_of(positions: np.ndarray) -> float:
                return values_of(tuple(positions.tolist()))[index]

            return Score.of_set(value_of, len(self.settings.classes), count)

        return {name: score(index) for index, name in enumerate(_OVERLAP)}

    def _diversity(self, features: Sequence[np.ndarray], count: int) -> Score:
        if count < 2:
            return Score.missing("diversity needs two images")
        if not np.any(np.concatenate(features), axis=1).all():
            return Score.missing("some features are all zero")
        return self._of_set(diversity, count, features)

    def _real_features(self, name: str) -> list[np.ndarray]:
        """Features of the real images, one array per class."""
        if name not in self._real:
            self._real[name] = self._split(self._networks.features(name, self._all_files))
        return self._real[name]

    @functools.cached_property
    def _real_kernel(self) -> np.ndarray:
        return KernelSums.within(self._real_features(self.settings.features))

    @functools.cached_property
    def _real_spectra(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Radial profiles and fractions of high frequencies of the real images, one pair per class.

        The images are resized to the size of the visualisations, as they were for the published magnitude.
        """
        side = self.settings.image_size
        profiles, high = _spectra(fit_image(image, side, side) for image in ImageSet(self._all_files))
        return list(zip(self._split(profiles), self._split(high)))

    @functools.cached_property
    def _real_files(self) -> Mapping[int, list[str]]:
        """Class number -> paths of its real images, without damaged files, so that all scores have the same rows."""
        listed = {index: image_files(folder) for index, folder in self.settings.real_folders().items()}
        readable = set(readable_files([path for paths in listed.values() for path in paths]))
        files = {index: [path for path in paths if path in readable] for index, paths in listed.items()}
        empty = [wnids()[index] for index, paths in files.items() if not paths]
        if empty:
            raise ValueError(
                '"real_images" must hold a readable image of every class. Received: only damaged files of '
                f"{', '.join(empty[:5])}."
            )
        return files

    @functools.cached_property
    def _all_files(self) -> list[str]:
        return [path for files in self._real_files.values() for path in files]

    def _split(self, rows: np.ndarray) -> list[np.ndarray]:
        """Split the rows of all real images by class."""
        return np.split(rows, np.cumsum([len(files) for files in self._real_files.values()])[:-1])

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


def _spectra(images: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Radial profiles (count, channels, bins) and fractions of high frequencies (count,).

    The fraction of an image of a single colour, which has no spectrum, is NaN.
    """
    profiles, high = [], []
    for image in images:
        spectrum = power_spectrum([image])
        profiles.append(spectrum.radial_profile()[1])
        try:
            high.append(high_frequency_fraction(spectrum))
        except ValueError:
            high.append(float("nan"))
    return np.array(profiles), np.array(high)
