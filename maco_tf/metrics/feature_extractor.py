"""Images to the features that most scores compare: a layer of a model, batch by batch."""

import itertools
import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_choice, check_integer
from maco_tf.images import Images, ImageSet, class_of_file, image_files, readable_files
from maco_tf.metrics.feature_cache import FeatureCache
from maco_tf.metrics.fit import FITS, fit_image
from maco_tf.models.activations import IMAGE, Activations
from maco_tf.models.preprocessing import Preprocessing

POOLINGS = (None, "mean")


class FeatureExtractor:
    """A layer of a model, used as a function from images to feature vectors.

    The features of an image depend only on that image. Batch size and order change them only by rounding in float32.

    Args:
        model: a built `keras.Model` with one image input.
        layer: reference to a layer, or `LOGITS` or `PROBABILITIES`; see `Activations`.
        preprocessing: "auto" finds the model's input range; otherwise see `as_preprocessing`.
        input_shape: `(height, width, channels)` of the model's input; `None` reads it from the model.
        pooling: "mean" averages over positions or tokens; `None` flattens the layer's output.
        fit: how an image is brought to the size of the input; see `fit_image`.
        batch_size: the number of images that the model sees at once, at least 1.

    Attributes:
        layer_shape: shape of the layer's output for one image, before pooling and flattening.

    Raises:
        ValueError: the model does not have the layer, or another argument has a value that is not allowed.
    """

    layer: str | int
    pooling: str | None
    fit: str
    batch_size: int
    layer_shape: tuple[int, ...]

    def __init__(
        self,
        model: keras.Model,
        layer: str | int,
        *,
        preprocessing: Preprocessing = "auto",
        input_shape: tuple[int, int, int] | None = None,
        pooling: str | None = None,
        fit: str = "cover",
        batch_size: int = 32,
    ) -> None:
        self.pooling = check_choice("pooling", pooling, POOLINGS)
        self.fit = check_choice("fit", fit, FITS)
        self.batch_size = check_integer("batch_size", batch_size, 1)
        if layer == IMAGE:
            raise ValueError('"layer" must be a layer of the model. Received: the image itself.')
        self.layer = layer
        self._activations = Activations(model, preprocessing, input_shape)
        used = self._activations.preprocessing
        self._preprocessing = used if isinstance(used, str | None) else "callable"
        # Traced here, so that a mistyped layer is found before a million images are read.
        self._compiled = tf.function(
            self._features,
            input_signature=[tf.TensorSpec((None, *self.input_shape), tf.float32)],
            autograph=False,
        ).get_concrete_function()

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of the model's input."""
        return self._activations.input_shape

    def __call__(
        self,
        images: Images | ImageSet,
        *,
        cache: str | os.PathLike[str] | FeatureCache | None = None,
        verbose: int | str = "auto",
    ) -> np.ndarray:
        """Compute the features of a set of images.

        Args:
            images: array, list, folder or `tf.data.Dataset`, of images of any sizes; see `ImageSet`. Datasets and
                folders are streamed.
            cache: a folder that keeps features. They are found again by the model's weights, the extractor's settings
                and the images' contents. Pass the result of `cache_in` instead to hash the weights only once. `None`
                keeps nothing. A `tf.data.Dataset` cannot be cached.
            verbose: 0 is silent; 1 or "auto" shows a progress bar and, once for each model, an input range that was
                found.

        Returns:
            Array (count, dimensions), float32, in the order of the images.

        Raises:
            ValueError: there is no image, values lie outside their range, the number of channels is not the model's, or
                a file cannot be read.
        """
        if verbose:
            self._activations.say_range()
        image_set = images if isinstance(images, ImageSet) else ImageSet(images, self.input_shape[2])
        if cache is None:
            return self._compute(image_set, verbose)
        cache = cache if isinstance(cache, FeatureCache) else self.cache_in(cache)
        digest = image_set.digest()
        features = cache.read(digest)
        if features is None:
            features = self._compute(image_set, verbose)
            cache.write(digest, features)
        return features

    def cache_in(self, folder: str | os.PathLike[str], **settings: Any) -> FeatureCache:
        """Open a folder of cached features for this extractor.

        Args:
            folder: the folder; made on first use.
            **settings: JSON-serialisable settings of anything that is derived from the features and cached instead of
                them.

        Returns:
            A `FeatureCache`, valid as long as the model's weights do not change.
        """
        extractor_settings = {
            "layer": self.layer,
            "pooling": self.pooling,
            "fit": self.fit,
            "preprocessing": self._preprocessing,
            "input_shape": self.input_shape,
        }
        probe = self._run(_probe_images(self.input_shape))
        return FeatureCache(folder, self._activations.model, {**settings, **extractor_settings}, probe)

    def by_class(
        self,
        folder: str | os.PathLike[str],
        *,
        cache: str | os.PathLike[str] | None = None,
        verbose: int | str = "auto",
    ) -> dict[str, np.ndarray]:
        """Compute the features of a folder laid out like ImageNet, class by class.

        Args:
            folder: folder that holds one subfolder for every class, such as `n02110958/image.jpg`.
            cache: see `__call__`.
            verbose: see `__call__`.

        Returns:
            Dictionary, name of the class's subfolder -> array (count, dimensions), float32: the form that
            `plausibility` takes.

        Raises:
            ValueError: an image does not lie in a subfolder; or see `__call__`.
        """
        paths = image_files(folder)
        classes = [class_of_file(path, folder) for path in paths]
        features = self(ImageSet(paths, self.input_shape[2], strict=False), cache=cache, verbose=verbose)
        if len(features) < len(paths):  # Damaged files were left out.
            classes = [class_of_file(path, folder) for path in readable_files(paths, warn=False)]
        rows_of: dict[str, list[int]] = {}
        for row, name in enumerate(classes):
            rows_of.setdefault(name, []).append(row)
        return {name: features[rows] for name, rows in rows_of.items()}

    def _features(self, images: tf.Tensor) -> tf.Tensor:
        activations = self._activations(images, [self.layer])[self.layer]
        self.layer_shape = tuple(activations.shape[1:])
        rank = activations.shape.rank
        if self.pooling == "mean" and rank > 2:
            return tf.reduce_mean(activations, axis=list(range(1, rank - 1)))
        return tf.reshape(activations, (tf.shape(activations)[0], -1))

    def _compute(self, images: ImageSet, verbose: int | str) -> np.ndarray:
        progress = keras.utils.Progbar(images.count, unit_name="image", verbose=1 if verbose == "auto" else verbose)
        features, iterator = [], iter(images)
        while batch := [self._fitted(image) for image in itertools.islice(iterator, self.batch_size)]:
            features.append(self._run(np.stack(batch)))
            progress.add(len(batch))
        if not features:
            raise ValueError('"images" must hold at least one image. Received: none.')
        return np.concatenate(features)

    def _fitted(self, image: np.ndarray) -> np.ndarray:
        height, width, channels = self.input_shape
        if image.shape[-1] != channels:
            raise ValueError(
                f'"images" must have {channels} channels, as the model\'s input does. Received: an image of shape '
                f"{image.shape}."
            )
        return fit_image(image, height, width, fit=self.fit)

    def _run(self, batch: np.ndarray) -> np.ndarray:
        features = self._compiled(tf.constant(batch)).numpy()
        if len(features) != len(batch):
            raise ValueError(
                f'"layer" must give one row for each image. Received: {self.layer!r}, which gives {len(features)} rows '
                f"for {len(batch)} images."
            )
        return features


def _probe_images(shape: tuple[int, int, int]) -> np.ndarray:
    """Two fixed images, white noise and a ramp, whose features tell one extractor from another."""
    noise = np.random.default_rng(0).uniform(size=shape).astype("float32")
    ramp = np.linspace(0, 1, noise.size, dtype="float32").reshape(noise.shape)
    return np.stack([noise, ramp])


def inception_v3(weights: str | os.PathLike[str] | None = "imagenet") -> FeatureExtractor:
    """The pooled features of Keras's InceptionV3, on the centre of each image.

    As in the paper, the centre of 299 x 299 pixels is cut out of an image of 512 x 512 pixels and not resized. The
    weights are Keras's and not those of 2015 that published FIDs use: compare values only with others from this
    extractor.

    Args:
        weights: "imagenet", which Keras downloads once; the path of a file of weights without the classifier; or `None`
            for random weights.

    Returns:
        A `FeatureExtractor` of 2,048 dimensions.

    Raises:
        OSError: the weights could not be loaded.
    """
    try:
        model = keras.applications.InceptionV3(
            include_top=False, pooling="avg", input_shape=(299, 299, 3), weights=weights
        )
    except Exception as error:
        # Keras raises a bare Exception if the download fails.
        raise OSError(
            f"Keras could not load the weights {weights!r} of InceptionV3, which it downloads: {error}. "
            "fid and kid also take the features of any other extractor, such as "
            'FeatureExtractor(zoo.load("efficientnet_lite0"), "avg_pool", fit="crop").'
        ) from error
    return FeatureExtractor(model, -1, preprocessing="tf", fit="crop")
