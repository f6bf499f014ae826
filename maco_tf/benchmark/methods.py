"""The methods that a benchmark compares, each as a function from class and seed to an image."""

import importlib.metadata

import keras

from maco_tf.objectives.logit import Logit
from maco_tf.visualizers.methods import VISUALIZERS


def _ours(visualizer):
    def build(model, settings):
        built = visualizer(model, steps=settings.steps, crops=settings.crops, image_size=settings.image_size)

        def explain(index, seed):
            explanation = built.explain(Logit(index), seed=seed, verbose=0)
            if explanation.config["interrupted"]:
                raise KeyboardInterrupt  # Half an image must not be kept as a whole one.
            return explanation.images[0]

        explain.config = built.config()
        return explain

    return build


def _xplique(model, settings):
    """xplique's own `maco` through its public functions, with its defaults but for the compute."""
    from xplique.features_visualizations import Objective, maco

    wrapped = xplique_model(model)

    def explain(index, seed):
        keras.utils.set_random_seed(seed)
        image, _ = maco(
            Objective.neuron(wrapped, "logits", index),
            nb_steps=settings.steps,
            nb_crops=settings.crops,
            custom_shape=(settings.image_size, settings.image_size),
        )
        return (image + 1) / 2

    explain.config = {"method": "xplique", "version": importlib.metadata.version("xplique")}
    return explain


def xplique_model(model):
    """A functional classifier as xplique's `maco` takes it.

    Args:
        model: a functional `keras.Model` from images in [0, 1].

    Returns:
        A `keras.Model` from images in (-1, 1) to the layer "logits", which shares or copies the weights.
    """
    logits = logits_model(model)
    height, width, channels = logits.input_shape[1:]
    inputs = keras.Input((height, width, channels))
    # xplique's noise and box sizes are made for images in (-1, 1), which the zoo's networks do not take; and it finds
    # layers of the outermost model only.
    outputs = logits(keras.layers.Rescaling(0.5, offset=0.5)(inputs))
    outputs = keras.layers.Activation("linear", name="logits")(outputs)
    return keras.Model(inputs, outputs)


def logits_model(model):
    """A functional classifier without its final softmax.

    Args:
        model: a functional `keras.Model`.

    Returns:
        A `keras.Model` with copies of the last layer's weights; the others are shared, and `model` is as it was.
    """
    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax) or (
        isinstance(last, keras.layers.Activation) and last.activation is keras.activations.softmax
    ):
        return keras.Model(model.input, last.input)
    if getattr(last, "activation", None) is keras.activations.softmax:
        linear = type(last).from_config({**last.get_config(), "activation": "linear"})
        outputs = linear(last.input)
        linear.set_weights(last.get_weights())
        return keras.Model(model.input, outputs)
    return model


# Name -> function of the loaded model and the settings -> function of class and seed -> image (height, width, 3), whose
# `config` tells what else the images depend on.
METHODS = {
    **{name.lower(): _ours(visualizer) for name, visualizer in VISUALIZERS.items()},
    "xplique": _xplique,
}
