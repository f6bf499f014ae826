"""From images in [0, 1] to what a network was trained on."""

import keras

MODES = ("tf", "torch", "caffe")


def as_preprocessing(preprocessing):
    """Resolve a visualizer's `preprocessing` argument.

    Args:
        preprocessing: `None`: the model takes images in [0, 1]; a callable, from image batch to image batch; or one of
            Keras's modes: "tf" (to [-1, 1]), "torch" (ImageNet's mean and standard deviation),
            "caffe" (BGR in [0, 255], mean subtracted).

    Returns:
        A callable from tensor (batch, height, width, channels) in [0, 1] to tensor.

    Raises:
        ValueError: it is none of these.
    """
    if preprocessing is None:
        return lambda images: images
    if callable(preprocessing):
        return preprocessing
    if preprocessing in MODES:
        # Keras's own arithmetic starts from [0, 255].
        return lambda images: keras.applications.imagenet_utils.preprocess_input(255.0 * images, mode=preprocessing)
    raise ValueError(
        f'"preprocessing" must be None, a callable, or one of {", ".join(map(repr, MODES))}. '
        f"Received: {preprocessing!r}."
    )
