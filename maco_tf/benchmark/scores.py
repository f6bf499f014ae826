"""The quick half of a benchmark: images to scores."""

import dataclasses
import functools
import warnings

import numpy as np
import tensorflow as tf

from maco_tf.benchmark.settings import INCEPTION
from maco_tf.metrics.classifier_scores import ClassifierScores, probability_extractor
from maco_tf.metrics.feature_extractor import FeatureExtractor
from maco_tf.metrics.fit import fit_image
from maco_tf.metrics.frechet import fid
from maco_tf.metrics.image_set import ImageSet, image_files
from maco_tf.metrics.inception import inception_v3
from maco_tf.metrics.kernel_distance import kid
from maco_tf.metrics.plausibility import plausibility
from maco_tf.metrics.spectrum import high_frequency_fraction, power_spectrum, spectrum_deviation
from maco_tf.models import zoo


@dataclasses.dataclass(frozen=True)
class Score:
    """A mean and how sure it is.

    Attributes:
        mean: over classes and seeds.
        error: standard error over classes, each the mean of its seeds; NaN for one class, or where the score is of
            the set as a whole.
        count: number of images.
    """

    mean: float
    error: float
    count: int

    @classmethod
    def of(cls, values, seeds):
        """From one value an image, the seeds of a class side by side; NaN is left out."""
        values = np.asarray(values, "float64").reshape(-1, seeds)
        known = ~np.isnan(values)
        classes = np.nansum(values, axis=1)[known.any(axis=1)] / known.sum(axis=1)[known.any(axis=1)]
        if not len(classes):
            return cls(float("nan"), float("nan"), 0)
        error = classes.std(ddof=1) / np.sqrt(len(classes)) if len(classes) > 1 else np.nan
        return cls(float(classes.mean()), float(error), int(known.sum()))


class Scorer:
    """Scores the images of one method and model after another; what they share is computed once.

    Args:
        settings: a `BenchmarkSettings`.
        store: an `ImageStore` that has all images.
    """

    def __init__(self, settings, store):
        self.settings, self.store = settings, store
        self._networks, self._extractors, self._real = {}, {}, {}
        self._targets = np.repeat(settings.classes, len(settings.seeds))

    def scores(self, model, method):
        """All scores of a cell.

        Args:
            model: name.
            method: name.

        Returns:
            Dictionary, name -> `Score`. "judge <name>" is the mean target probability that a judge gives, "top-1
            <name>" and "top-5 <name>" the shares of images whose target it ranks so; "transferability", "top-1" and
            "top-5" are their means over the judges, "agreement" is that of the explained model itself.
        """
        settings = self.settings
        paths = [self.store.path(model, method, index, seed) for index in settings.classes for seed in settings.seeds]
        found = {**self._verdicts(model, paths), **self._spectra(paths)}
        if settings.real_images is not None:
            found |= self._distances(model, paths)
        return found

    def natural(self):
        """What real images score where that says what is natural.

        Returns:
            Dictionary, name -> `Score`, over images; empty without real images.
        """
        if self.settings.real_images is None:
            return {}
        return {"high frequencies": Score.of([_high_frequencies(image) for image in self._fitted()], seeds=1)}

    def _verdicts(self, model, paths):
        judges = [name for name in self.settings.judges if name != model]
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
        extractor = self._extractor(probability_extractor, name)
        probabilities = extractor(paths, verbose=0)
        each = [
            dataclasses.astuple(ClassifierScores.of(row[None], target[None]))
            for row, target in zip(probabilities, self._targets)
        ]
        top_1, top_5, probability = np.array(each).T
        return np.stack([probability, top_1, top_5])

    def _spectra(self, paths):
        # Each image's own share: a set's would be that of its most contrasted images.
        found = {"high frequencies": self._score([_high_frequencies(path) for path in paths])}
        if self.settings.real_images is not None:
            found["spectrum deviation"] = self._of_set(spectrum_deviation(paths, self._natural_spectrum), paths)
        return found

    def _distances(self, model, paths):
        extractor = self._extractor(_last_spatial, model)
        ends = np.cumsum([len(files) for files in self._real_files.values()])
        real = dict(zip(self._real_files, np.split(self._real_features(extractor), ends[:-1])))
        features, found = extractor(paths, verbose=0), {}
        for name, normalized in (("plausibility", False), ("plausibility, normalised", True)):
            distances = plausibility(features, real, normalized=normalized, classes=self._targets.tolist())
            found[name] = self._score(distances)
        if len(paths) < 2:
            return found  # Sets are compared by their spread.
        extractor = self._extractor(_last_spatial, self.settings.features)
        real, features = self._real_features(extractor), extractor(paths, verbose=0)
        with warnings.catch_warnings():
            # The report says it, once: fewer images than features.
            warnings.filterwarnings("ignore", "FID fits")
            found["FID"] = self._of_set(fid(features, real), paths)
        found["KID"] = self._of_set(kid(features, real), paths)
        return found

    def _real_features(self, extractor):
        """Features of all real images, class by class; the same for every method."""
        if extractor not in self._real:
            self._real[extractor] = extractor(self._all_files, cache=self.store.folder / "features", verbose=0)
        return self._real[extractor]

    @functools.cached_property
    def _real_files(self):
        """Class number -> paths of its real images."""
        return {index: image_files(folder) for index, folder in self.settings.real_folders().items()}

    @property
    def _all_files(self):
        return [path for files in self._real_files.values() for path in files]

    @functools.cached_property
    def _natural_spectrum(self):
        side = self.settings.image_size
        signature = tf.TensorSpec((side, side, 3), tf.float32)
        return power_spectrum(tf.data.Dataset.from_generator(self._fitted, output_signature=signature))

    def _fitted(self):
        """The real images, enlarged or shrunk to the visualisations' size, as the published magnitude is made."""
        side = self.settings.image_size
        return (fit_image(image, side, side) for image in ImageSet(self._all_files))

    def _extractor(self, kind, name):
        """An extractor of a network by name; a network is loaded once, whatever it is asked for."""
        if (kind, name) not in self._extractors:
            if name == INCEPTION:
                self._extractors[kind, name] = inception_v3()
            else:
                if name not in self._networks:
                    self._networks[name] = zoo.load(name)
                self._extractors[kind, name] = kind(self._networks[name])
        return self._extractors[kind, name]

    def _score(self, values):
        return Score.of(values, len(self.settings.seeds))

    def _of_set(self, value, paths):
        return Score(float(value), float("nan"), len(paths))


def _high_frequencies(image):
    """An image's share; NaN for one of a single colour, which has no spectrum."""
    try:
        return high_frequency_fraction([image])
    except ValueError:
        return float("nan")


def _last_spatial(model):
    """The last layer with positions, averaged over them: what a classifier's head sees.

    Maps with a channel a class, as SqueezeNet's last, are the head itself: their mean is what was maximised.
    """
    for layer in reversed(model.layers):
        shape = getattr(layer.output, "shape", ())
        if len(shape) in (3, 4) and (shape[1] is None or shape[1] > 1) and shape[-1] != model.output_shape[-1]:
            return FeatureExtractor(model, layer.name, pooling="mean")
    raise ValueError(f'"model" must have a layer with positions, as networks of images do. Received: {model.name}.')
