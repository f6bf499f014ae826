"""The quick half of a benchmark: images to scores."""

import dataclasses
import functools
import warnings

import numpy as np

from maco_tf.benchmark.networks import Networks
from maco_tf.benchmark.score import Score
from maco_tf.metrics.classifiers import ClassifierScores
from maco_tf.metrics.diversity import diversity
from maco_tf.metrics.fit import fit_image
from maco_tf.metrics.frechet import fid, fid_infinity
from maco_tf.metrics.image_set import ImageSet, image_files
from maco_tf.metrics.kernel_distance import KernelSums
from maco_tf.metrics.plausibility import plausibility
from maco_tf.metrics.power_spectrum import high_frequency_fraction, power_spectrum, profile_deviation
from maco_tf.metrics.robustness import ROBUSTNESS

# With fewer, the extrapolation takes less than half of FID's bias off: see the figures at `fid_infinity`.
_FEWEST_FOR_INFINITY = 300

# What compares with real images.
_OF_REAL_IMAGES = ("plausibility", "plausibility, normalised", "FID", "FID-infinity", "KID", "spectrum deviation")


class Scorer:
    """Scores the images of one method and model after another; what they share is computed once.

    Args:
        settings: a `BenchmarkSettings`.
        store: an `ImageStore` that has all images.
    """

    def __init__(self, settings, store):
        self.settings, self.store = settings, store
        self._networks = Networks(store.folder / "features")
        self._targets = np.repeat(settings.classes, len(settings.seeds))
        self._real = {}

    def load(self):
        """Load and trace every network that scoring needs, so that what cannot be had is known before any work.

        Raises:
            ValueError: a network that is no classifier, or has no layer of features.
            OSError: weights that could not be downloaded.
        """
        for name in dict.fromkeys((*self.settings.models, *self.settings.judges)):
            self._networks.classifier(name)
        self._networks.extractor(self.settings.features)

    @property
    def basis(self):
        """What the distances between sets rest on, "real images" and "dimensions" of their features; empty without."""
        if self.settings.real_images is None:
            return {}
        dimensions = self._real_features(self.settings.features)[0].shape[1]
        return {"real images": len(self._all_files), "dimensions": dimensions}

    def scores(self, model, method):
        """All scores of a cell.

        Args:
            model: name.
            method: name.

        Returns:
            Dictionary, name -> `Score`. "judge <name>" is the mean target probability that a judge gives, "top-1
            <name>" and "top-5 <name>" the shares of images whose target it ranks so; "transferability", "top-1" and
            "top-5" are their means over the judges, "agreement" is that of the explained model itself. "robustness" is
            the drop of the judges' target probability, "robustness crop", "... noise" and "... jpeg" its parts.
        """
        settings = self.settings
        paths = [
            str(self.store.path(model, method, index, seed)) for index in settings.classes for seed in settings.seeds
        ]
        judges = [name for name in settings.judges if name != model]
        found = {**self._verdicts(model, judges, paths), **self._robustness(judges, paths)}
        found |= self._spectra(paths)
        features = self._by_class(self._networks.features(settings.features, paths))
        found["diversity"] = self._diversity(features, len(paths))
        if settings.real_images is None:
            return found | {name: Score.missing("no real images given") for name in _OF_REAL_IMAGES}
        return found | self._plausibility(model, paths) | self._distances(features, len(paths))

    def natural(self):
        """What real images score where that says what is natural.

        Returns:
            Dictionary, name -> `Score`; empty without real images.
        """
        if self.settings.real_images is None:
            return {}
        high = [Score.of(shares, seeds=len(shares)).mean for _, shares in self._real_spectra]
        real = self._real_features(self.settings.features)
        return {
            "high frequencies": dataclasses.replace(Score.of(high, seeds=1), count=len(self._all_files)),
            "diversity": self._diversity(real, len(self._all_files)),
        }

    def _verdicts(self, model, judges, paths):
        found, all_own = {}, []
        for name in judges:
            own = self._classified(name, paths)
            all_own.append(own)
            for label, values in zip(("judge", "top-1", "top-5"), own):
                found[f"{label} {name}"] = self._score(values)
        for label, values in zip(("transferability", "top-1", "top-5"), np.mean(all_own, axis=0)):
            found[label] = self._score(values)
        found["agreement"] = self._score(self._classified(model, paths)[0])
        return found

    def _classified(self, name, paths):
        """Target probability, top-1 and top-5 of each image: (3, count)."""
        probabilities = self._networks.probabilities(name, paths)
        each = [
            dataclasses.astuple(ClassifierScores.of(row[None], target[None]))
            for row, target in zip(probabilities, self._targets)
        ]
        top_1, top_5, probability = np.array(each).T
        return np.stack([probability, top_1, top_5])

    def _robustness(self, judges, paths):
        each = [self._networks.robustness(name, paths, self._targets.tolist()) for name in judges]
        drops = {name: self._score(np.mean([own[name] for own in each], axis=0)) for name in ROBUSTNESS[1:]}
        return {"robustness": drops.pop("mean"), **{f"robustness {name}": drop for name, drop in drops.items()}}

    def _spectra(self, paths):
        profiles, high = _spectra(ImageSet(paths))
        # Each image's own share: a set's would be that of its most contrasted images.
        found = {"high frequencies": self._score(high)}
        if self.settings.real_images is not None:
            own, real = self._by_class(profiles), [profiles for profiles, _ in self._real_spectra]
            found["spectrum deviation"] = self._of_set(
                lambda a, b: profile_deviation(a.mean(axis=0), b.mean(axis=0)), own, len(paths), real
            )
        return found

    def _plausibility(self, model, paths):
        features, real = self._networks.features(model, paths), self._real_features(model)
        real, found = dict(zip(self.settings.classes, real)), {}
        found["plausibility"] = self._score(plausibility(features, real, classes=self._targets.tolist()))
        if all(np.any(rows, axis=1).all() for rows in (features, *real.values())):
            distances = plausibility(features, real, normalized=True, classes=self._targets.tolist())
            found["plausibility, normalised"] = self._score(distances)
        else:
            found["plausibility, normalised"] = Score.missing("features that are all zero")
        return found

    def _distances(self, features, count):
        if count < 2 or len(self._all_files) < 2:
            return dict.fromkeys(("FID", "FID-infinity", "KID"), Score.missing("one image has no spread"))
        real = self._real_features(self.settings.features)
        sums = KernelSums(features, real, self._real_kernel)
        found = {"KID": Score.of_set(sums.kid, len(self.settings.classes), count)}
        with warnings.catch_warnings():
            # The report says it, once: fewer images than features.
            warnings.filterwarnings("ignore", "FID fits")
            found["FID"] = self._of_set(fid, features, count, real)
            if count < _FEWEST_FOR_INFINITY:
                reason = f"too few images: {count} of {_FEWEST_FOR_INFINITY}"
                return {**found, "FID-infinity": Score.missing(reason)}
            # Its subsets are drawn by chance, which the jackknife would take for the classes' doing.
            value = fid_infinity(np.concatenate(features), np.concatenate(real))
        return {**found, "FID-infinity": Score(value, float("nan"), count)}

    def _diversity(self, features, count):
        if count < 2:
            return Score.missing("one image differs from nothing")
        if not np.any(np.concatenate(features), axis=1).all():
            return Score.missing("features that are all zero")
        return self._of_set(diversity, features, count)

    def _real_features(self, name):
        """Features of the real images, an array a class; the same for every method."""
        if name not in self._real:
            self._real[name] = self._split(self._networks.features(name, self._all_files))
        return self._real[name]

    @functools.cached_property
    def _real_kernel(self):
        return KernelSums.within(self._real_features(self.settings.features))

    @functools.cached_property
    def _real_spectra(self):
        """Profiles and shares of high frequencies of the real images, a pair a class.

        They are enlarged or shrunk to the visualisations' size, as the published magnitude is made.
        """
        side = self.settings.image_size
        profiles, high = _spectra(fit_image(image, side, side) for image in ImageSet(self._all_files))
        return list(zip(self._split(profiles), self._split(high)))

    @functools.cached_property
    def _real_files(self):
        """Class number -> paths of its real images."""
        return {index: image_files(folder) for index, folder in self.settings.real_folders().items()}

    @functools.cached_property
    def _all_files(self):
        return [path for files in self._real_files.values() for path in files]

    def _split(self, rows):
        """Rows of all real images, an array a class."""
        return np.split(rows, np.cumsum([len(files) for files in self._real_files.values()])[:-1])

    def _by_class(self, rows):
        """Rows of all visualisations, an array a class."""
        return np.split(np.asarray(rows), len(self.settings.classes))

    def _score(self, values):
        return Score.of(values, len(self.settings.seeds))

    def _of_set(self, function, own, count, real=None):
        """A function of rows of one set, or of two: without a class, both are without it."""

        def value_of(positions):
            return function(*(np.concatenate([rows[i] for i in positions]) for rows in (own, real) if rows is not None))

        return Score.of_set(value_of, len(self.settings.classes), count)


def _spectra(images):
    """Radial profiles (count, channels, bins) and shares of high frequencies (count,).

    A share is NaN for an image of a single colour, which has no spectrum.
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
