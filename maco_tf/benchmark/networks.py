"""The networks of a benchmark, as functions from image files to features that are kept on disk."""

import numpy as np

from maco_tf.benchmark.settings import INCEPTION
from maco_tf.metrics.classifiers import probability_extractor
from maco_tf.metrics.feature_extractor import FeatureExtractor, inception_v3
from maco_tf.metrics.image_set import ImageSet
from maco_tf.metrics.robustness import ROBUSTNESS, robustness_by_image
from maco_tf.models import zoo

# Of the crops and the noise: theirs, not those that anything was optimised under.
_DAMAGE = {"seed": 2023, "views": 2, "crop_side": (0.6, 0.9), "noise": 0.1, "quality": 30}


class Networks:
    """Networks by name; each is loaded, traced and its weights looked at once, and nothing is computed twice.

    Args:
        folder: where features are kept, found again by the weights and the images' contents.
    """

    def __init__(self, folder):
        self._folder = folder
        self._models, self._extractors, self._caches = {}, {}, {}

    def features(self, name, paths):
        """What the last layer with positions makes of images.

        Args:
            name: a network's, or "inception_v3".
            paths: image files.

        Returns:
            Array (count, channels).
        """
        return self._kept(self.extractor(name), paths)

    def probabilities(self, name, paths):
        """What a classifier makes of whole images.

        Args:
            name: a network's.
            paths: image files.

        Returns:
            Array (count, classes).
        """
        return self._kept(self.classifier(name), paths)

    def robustness(self, name, paths, targets):
        """How much of the targets' probabilities is lost to crops, noise and JPEG.

        Args:
            name: a classifier's.
            paths: image files.
            targets: the class number of each.

        Returns:
            Dictionary, as `robustness_by_image`.
        """
        extractor = self.classifier(name)
        if (extractor, "robustness") not in self._caches:
            self._caches[extractor, "robustness"] = extractor.cache_in(self._folder, robustness=_DAMAGE)
        cache = self._caches[extractor, "robustness"]
        digest = f"{ImageSet(paths).digest()} of {' '.join(map(str, targets))}"
        values = cache.read(digest)
        if values is None:
            found = robustness_by_image(paths, targets, extractor, **_DAMAGE, verbose=0)
            values = np.stack([found[kind] for kind in ROBUSTNESS], axis=1)
            cache.write(digest, values)
        return dict(zip(ROBUSTNESS, values.T))

    def extractor(self, name):
        """The `FeatureExtractor` of `features`.

        Args:
            name: see there.
        """
        return self._extractor(_last_spatial, name)

    def classifier(self, name):
        """The `FeatureExtractor` of `probabilities`.

        Args:
            name: see there.
        """
        return self._extractor(probability_extractor, name)

    def _kept(self, extractor, paths):
        if extractor not in self._caches:
            self._caches[extractor] = extractor.cache_in(self._folder)
        return extractor(paths, cache=self._caches[extractor], verbose=0)

    def _extractor(self, kind, name):
        if (kind, name) not in self._extractors:
            if kind is _last_spatial and name == INCEPTION:
                self._extractors[kind, name] = inception_v3()
            else:
                if name not in self._models:
                    self._models[name] = zoo.load(name)
                self._extractors[kind, name] = kind(self._models[name])
        return self._extractors[kind, name]


def _last_spatial(model):
    """The last layer with positions, averaged over them: what a classifier's head sees.

    Maps with a channel a class, as SqueezeNet's last, are the head itself: their mean is what was maximised.
    """
    for layer in reversed(model.layers):
        shape = getattr(layer.output, "shape", ())
        if len(shape) in (3, 4) and (shape[1] is None or shape[1] > 1) and shape[-1] != model.output_shape[-1]:
            return FeatureExtractor(model, layer.name, pooling="mean")
    raise ValueError(f'"model" must have a layer with positions, as networks of images do. Received: {model.name}.')
