"""The networks of a benchmark, as functions from image files to features that are cached on disk."""

import dataclasses
import os
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from maco_tf.benchmark.settings import INCEPTION
from maco_tf.images import ImageSet
from maco_tf.metrics.classifiers import probability_extractor
from maco_tf.metrics.feature_cache import FeatureCache
from maco_tf.metrics.feature_extractor import FeatureExtractor, inception_v3
from maco_tf.metrics.robustness import ROBUSTNESS, Damage, robustness_by_image
from maco_tf.models import zoo
from maco_tf.models.layers import layer_paths
from maco_tf.models.model_file import load_model_file

# No image was optimised under this seed, so the crops and the noise are new to every method.
_DAMAGE = Damage(seed=2023, views=2, crop_side=(0.6, 0.9), noise=0.1, quality=30)


class Networks:
    """Networks by name. Each is loaded and traced once, and nothing is computed twice for the same images.

    Args:
        folder: where features are cached, by the weights and the contents of the images.
        files: dictionary, name -> model file, of the networks that are files; see `BenchmarkSettings`.
    """

    def __init__(self, folder: str | os.PathLike[str], files: Mapping[str, str] | None = None) -> None:
        self._folder, self._files = folder, files or {}
        self._models: dict[str, keras.Model] = {}
        self._extractors: dict[str, FeatureExtractor] = {}
        self._classifiers: dict[str, FeatureExtractor] = {}
        # One for features and one for robustness, of each extractor.
        self._caches: dict[tuple[FeatureExtractor, str], FeatureCache] = {}

    def features(self, name: str, paths: Sequence[str]) -> np.ndarray:
        """Features of images, from the last layer with positions, averaged over positions.

        Args:
            name: name of a network, or "inception_v3".
            paths: image files.

        Returns:
            Array (count, channels).
        """
        return self._cached(self.extractor(name), paths)

    def probabilities(self, name: str, paths: Sequence[str]) -> np.ndarray:
        """Class probabilities that a classifier gives to whole images.

        Args:
            name: name of a network.
            paths: image files.

        Returns:
            Array (count, classes).
        """
        return self._cached(self.classifier(name), paths)

    def robustness(self, name: str, paths: Sequence[str], targets: Sequence[int]) -> dict[str, np.ndarray]:
        """Drop of the targets' probabilities under crops, noise and JPEG compression.

        Args:
            name: name of a classifier.
            paths: image files.
            targets: the class number of each image.

        Returns:
            Dictionary; see `robustness_by_image`.
        """
        extractor = self.classifier(name)
        if (extractor, "robustness") not in self._caches:
            cache = extractor.cache_in(self._folder, robustness=dataclasses.asdict(_DAMAGE))
            self._caches[extractor, "robustness"] = cache
        cache = self._caches[extractor, "robustness"]
        digest = f"{ImageSet(paths).digest()} of {' '.join(map(str, targets))}"
        values = cache.read(digest)
        if values is None:
            drops = robustness_by_image(paths, targets, extractor, _DAMAGE, verbose=0)
            values = np.stack([drops[kind] for kind in ROBUSTNESS], axis=1)
            cache.write(digest, values)
        return dict(zip(ROBUSTNESS, values.T))

    def extractor(self, name: str) -> FeatureExtractor:
        """Load and trace the extractor that `features` uses.

        Args:
            name: see `features`.
        """
        if name not in self._extractors:
            self._extractors[name] = inception_v3() if name == INCEPTION else last_spatial(self._model(name))
        return self._extractors[name]

    def classifier(self, name: str) -> FeatureExtractor:
        """Load and trace the extractor that `probabilities` uses.

        Args:
            name: see `probabilities`.
        """
        if name not in self._classifiers:
            self._classifiers[name] = probability_extractor(self._model(name))
        return self._classifiers[name]

    def _model(self, name: str) -> keras.Model:
        if name not in self._models:
            self._models[name] = load_network(name, self._files)
        return self._models[name]

    def _cached(self, extractor: FeatureExtractor, paths: Sequence[str]) -> np.ndarray:
        if (extractor, "features") not in self._caches:
            self._caches[extractor, "features"] = extractor.cache_in(self._folder)
        return extractor(paths, cache=self._caches[extractor, "features"], verbose=0)


def load_network(name: str, files: Mapping[str, str]) -> keras.Model:
    """Load a network of a benchmark.

    Args:
        name: a name in the zoo, in `keras.applications` or in `files`.
        files: dictionary, name -> model file.

    Returns:
        A `keras.Model` that gives class probabilities. That of a file may have another input range than [0, 1], which
        every part of the benchmark finds.

    Raises:
        ValueError: there is no such network, or the file is damaged.
    """
    return load_model_file(files[name], argument="models") if name in files else zoo.load(name)


def last_spatial(model: keras.Model) -> FeatureExtractor:
    """The last layer with positions, averaged over them: the features that the classifier's head sees.

    A layer with one channel for every class, such as SqueezeNet's last, is skipped: it belongs to the head, and its
    mean is the logit that was maximised.

    Args:
        model: a `keras.Model`.

    Returns:
        A `FeatureExtractor`.

    Raises:
        ValueError: the model has no such layer.
    """
    for path, layer in reversed(layer_paths(model).items()):
        # The layers of a nested network are looked at one by one, and operations are not counted.
        if isinstance(layer, keras.Model | keras.layers.InputLayer) or not isinstance(layer, keras.Layer):
            continue
        shape: tuple[int | None, ...] = getattr(getattr(layer, "output", None), "shape", ())
        if len(shape) in (3, 4) and (shape[1] is None or shape[1] > 1) and shape[-1] != model.output_shape[-1]:
            return FeatureExtractor(model, path, pooling="mean")
    raise ValueError(
        f'"model" must have a layer with positions, like networks for images. Received: {model.name!r}, which has none.'
    )
