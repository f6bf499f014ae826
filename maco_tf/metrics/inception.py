"""The extractor that FID is usually computed with."""

import keras

from maco_tf.metrics.feature_extractor import FeatureExtractor


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
