"""Images to features: what most scores compare."""

import itertools

import keras
import numpy as np
import tensorflow as tf

from maco_tf.metrics.feature_cache import FeatureCache
from maco_tf.metrics.fit import FITS, fit_image
from maco_tf.metrics.image_set import ImageSet, class_of_file, image_files
from maco_tf.models.activations import IMAGE, Activations

POOLINGS = (None, "mean")


class FeatureExtractor:
    """A layer of a model as a function from images to feature vectors.

    Each image's features depend on that image alone; they are the same in any batch and order, up to float32's
    rounding.

    Args:
        model: a built `keras.Model`, of one image input.
        layer: reference to a layer, or `LOGITS` or `PROBABILITIES`; see `Activations`.
        preprocessing: see `as_preprocessing`.
        input_shape: `(height, width, channels)` of the model's input; `None` reads it from the model.
        pooling: "mean" averages over positions or tokens; `None` flattens the layer's output.
        fit: how images come to the input's size; see `fit_image`.
        batch_size: images at a time.

    Attributes:
        layer_shape: what the layer gives for an image, before pooling and flattening.

    Raises:
        ValueError: the model has no such layer, or an argument is none of what it may be.
    """

    def __init__(self, model, layer, *, preprocessing=None, input_shape=None, pooling=None, fit="cover", batch_size=32):
        if pooling not in POOLINGS:
            raise ValueError(f'"pooling" must be None or "mean". Received: {pooling!r}.')
        if fit not in FITS:
            raise ValueError(f'"fit" must be one of {", ".join(map(repr, FITS))}. Received: {fit!r}.')
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f'"batch_size" must be a positive integer. Received: {batch_size!r}.')
        if layer == IMAGE:
            raise ValueError('"layer" must be a layer of the model. Received: the image itself.')
        self._activations = Activations(model, preprocessing, input_shape)
        self.layer = layer
        self.pooling = pooling
        self.fit = fit
        self.batch_size = batch_size
        self._preprocessing = preprocessing if isinstance(preprocessing, str | None) else "callable"
        # Traced now, so that a mistyped layer is found out before a million images are read.
        self._compiled = tf.function(
            self._features,
            input_signature=[tf.TensorSpec((None, *self.input_shape), tf.float32)],
            autograph=False,
        ).get_concrete_function()

    @property
    def input_shape(self):
        """`(height, width, channels)` of the model's input."""
        return self._activations.input_shape

    def __call__(self, images, *, cache=None, verbose="auto"):
        """Features of a set of images.

        Args:
            images: array, list, folder or `tf.data.Dataset`, of any sizes; see `ImageSet`. Datasets and folders are
                streamed.
            cache: a folder where features are kept and found again by the model's weights, the settings and the images'
                contents, or what `cache_in` made of it, which saves looking at the weights again; `None` keeps none.
                Not for a `tf.data.Dataset`.
            verbose: 0 is silent; 1 or "auto" shows progress.

        Returns:
            Array (count, dimensions), float32, in the images' order.

        Raises:
            ValueError: no image, values outside their range, other channels than the model's, or an unreadable file.
        """
        images = ImageSet(images, self.input_shape[2])
        if cache is None:
            return self._compute(images, verbose)
        cache = cache if isinstance(cache, FeatureCache) else self.cache_in(cache)
        digest = images.digest()
        features = cache.read(digest)
        if features is None:
            features = self._compute(images, verbose)
            cache.write(digest, features)
        return features

    def cache_in(self, folder, **settings):
        """The features of this extractor in a folder of cached ones.

        Args:
            folder: a folder; made on first use.
            **settings: what else decides what is kept, where that is made of the features; JSON writes them.

        Returns:
            A `FeatureCache`, for as long as the model's weights stay as they are.
        """
        own = {
            "layer": self.layer,
            "pooling": self.pooling,
            "fit": self.fit,
            "preprocessing": self._preprocessing,
            "input_shape": self.input_shape,
        }
        return FeatureCache(folder, self._activations.model, {**settings, **own}, self._run(self._probe()))

    def by_class(self, folder, *, cache=None, verbose="auto"):
        """Features of a folder laid out as ImageNet's, class by class.

        Args:
            folder: holds a folder for each class, as `n02110958/image.jpg`.
            cache: see `__call__`.
            verbose: see `__call__`.

        Returns:
            Dictionary, the class's folder name -> array (count, dimensions), float32: what `plausibility` takes.

        Raises:
            ValueError: an image lies in no class's folder, or as in `__call__`.
        """
        paths = image_files(folder)
        classes = [class_of_file(path, folder) for path in paths]
        features = self(paths, cache=cache, verbose=verbose)
        rows = {}
        for row, name in enumerate(classes):
            rows.setdefault(name, []).append(row)
        return {name: features[chosen] for name, chosen in rows.items()}

    def _features(self, images):
        activations = self._activations(images, [self.layer])[self.layer]
        self.layer_shape = tuple(activations.shape[1:])
        rank = activations.shape.rank
        if self.pooling == "mean" and rank > 2:
            return tf.reduce_mean(activations, axis=list(range(1, rank - 1)))
        return tf.reshape(activations, (tf.shape(activations)[0], -1))

    def _compute(self, images, verbose):
        progress = keras.utils.Progbar(images.count, unit_name="image", verbose=1 if verbose == "auto" else verbose)
        features, iterator = [], iter(images)
        while batch := [self._fitted(image) for image in itertools.islice(iterator, self.batch_size)]:
            features.append(self._run(np.stack(batch)))
            progress.add(len(batch))
        if not features:
            raise ValueError('"images" must hold at least one image. Received: none.')
        return np.concatenate(features)

    def _fitted(self, image):
        height, width, channels = self.input_shape
        if image.shape[-1] != channels:
            raise ValueError(f'"images" must have {channels} channels, as the model\'s input. Received: {image.shape}.')
        return fit_image(image, height, width, fit=self.fit)

    def _run(self, batch):
        features = self._compiled(tf.constant(batch)).numpy()
        if len(features) != len(batch):
            raise ValueError(
                f'"layer" must give one row an image. Received: {self.layer!r}, which gives {len(features)} rows for '
                f"{len(batch)} images."
            )
        return features

    def _probe(self):
        """Two fixed images: white noise and a ramp."""
        noise = np.random.default_rng(0).uniform(size=self.input_shape).astype("float32")
        ramp = np.linspace(0, 1, noise.size, dtype="float32").reshape(noise.shape)
        return np.stack([noise, ramp])


def inception_v3(weights="imagenet"):
    """Keras's InceptionV3 up to its pooled features, on the centre of the image.

    The paper takes the centre 299 x 299 of images of 512 x 512, unresized; so does this. The weights are Keras's,
    not the ones of 2015 that published FIDs use: compare values of this extractor among themselves only.

    Args:
        weights: "imagenet", which Keras downloads once; the path of a file of weights without the top; or `None` for
            random ones.

    Returns:
        A `FeatureExtractor` of 2,048 dimensions.

    Raises:
        OSError: the weights could not be had.
    """
    try:
        model = keras.applications.InceptionV3(
            include_top=False, pooling="avg", input_shape=(299, 299, 3), weights=weights
        )
    except Exception as error:
        # Keras raises a bare Exception where the download fails.
        raise OSError(
            f"Keras could not load the weights {weights!r} of InceptionV3, which come over the internet: {error}. "
            "Without it, fid and kid take features of any other extractor, such as "
            'FeatureExtractor(zoo.load("efficientnet_lite0"), "avg_pool", fit="crop").'
        ) from error
    return FeatureExtractor(model, -1, preprocessing="tf", fit="crop")
