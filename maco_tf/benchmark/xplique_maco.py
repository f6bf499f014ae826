"""xplique's own `maco` as a method of the benchmark, and a classifier in the form that it takes."""

import importlib.metadata

import keras
import numpy as np

from maco_tf.benchmark.explainer import Compute, Explainer, Picture
from maco_tf.models.activations import Activations
from maco_tf.models.preprocessing import as_preprocessing


def xplique_maco(model: keras.Model, settings: Compute) -> Explainer:
    """xplique's own `maco` through its public functions, with its defaults except for the compute.

    Args:
        model: a functional `keras.Model`.
        settings: the compute.
    """
    from xplique.features_visualizations import Objective, maco

    wrapped = xplique_model(model)

    def explain(index: int, seed: int) -> Picture:
        keras.utils.set_random_seed(seed)
        image, transparency = maco(
            Objective.neuron(wrapped, "logits", index),
            nb_steps=settings.steps,
            nb_crops=settings.crops,
            custom_shape=(settings.image_size, settings.image_size),
        )
        return Picture(np.asarray((image + 1) / 2), np.asarray(transparency).mean(axis=-1))

    return Explainer(explain, {"method": "xplique", "version": importlib.metadata.version("xplique")})


def xplique_model(model: keras.Model) -> keras.Model:
    """A functional classifier in the form that xplique's `maco` takes.

    Args:
        model: a functional `keras.Model`, whose input range is found; see `find_input_range`.

    Returns:
        A `keras.Model` from images in (-1, 1) to the layer "logits", which shares or copies the weights.
    """
    logits = logits_model(model)
    height, width, channels = logits.input_shape[1:]
    inputs = keras.Input((height, width, channels))
    # xplique's noise and box sizes are made for images in (-1, 1), which the zoo's networks do not take, and it finds
    # layers of the outermost model only.
    images = keras.layers.Rescaling(0.5, offset=0.5)(inputs)
    outputs = logits(as_preprocessing(Activations(model).preprocessing)(images))
    outputs = keras.layers.Activation("linear", name="logits")(outputs)
    return keras.Model(inputs, outputs)


def logits_model(model: keras.Model) -> keras.Model:
    """A functional classifier without its final softmax.

    Args:
        model: a functional `keras.Model`; it does not change.

    Returns:
        A `keras.Model` with copies of the last layer's weights; all other weights are shared.
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
