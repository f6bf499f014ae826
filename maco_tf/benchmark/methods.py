"""The methods that a benchmark compares, each as a function from class and seed to an image."""

import functools
import importlib.metadata
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import keras
import numpy as np

from maco_tf.models.activations import Activations
from maco_tf.models.preprocessing import as_preprocessing
from maco_tf.objectives.logit import Logit
from maco_tf.visualizers import methods
from maco_tf.visualizers.registry import find_method


class Compute(Protocol):
    """The settings that all methods of a benchmark get: steps, views in a step, side of the image in pixels, recipe."""

    @property
    def steps(self) -> int: ...
    @property
    def crops(self) -> int: ...
    @property
    def image_size(self) -> int: ...
    @property
    def recipe(self) -> str: ...


class Explainer:
    """One method on one network: a function from class and seed to an image (height, width, 3), float32 in [0, 1].

    Attributes:
        config: dictionary, everything else that the images depend on.
    """

    def __init__(self, explain: Callable[[int, int], np.ndarray], config: dict[str, Any]) -> None:
        self._explain, self.config = explain, config

    def __call__(self, index: int, seed: int) -> np.ndarray:
        """Make an image.

        Args:
            index: class number.
            seed: integer.
        """
        return self._explain(index, seed)


class _Methods(Mapping[str, Callable[[keras.Model, Compute], Explainer]]):
    """All registered methods by their name in lower case, and "xplique", which is xplique's own `maco`.

    A method of a user's own is found as soon as its module is imported.
    """

    def __getitem__(self, name: str) -> Callable[[keras.Model, Compute], Explainer]:
        if name not in list(self):
            raise KeyError(name)
        return _xplique if name == "xplique" else functools.partial(_registered, name)

    def __iter__(self) -> Iterator[str]:
        return iter([*(name.lower() for name in methods()), "xplique"])

    def __len__(self) -> int:
        return len(list(iter(self)))


METHODS = _Methods()


def _registered(name: str, model: keras.Model, settings: Compute) -> Explainer:
    kind: Any = find_method(name)
    visualizer = kind(
        model, settings.recipe, steps=settings.steps, crops=settings.crops, image_size=settings.image_size
    )

    def explain(index: int, seed: int) -> np.ndarray:
        explanation = visualizer.explain(Logit(index), seed=seed, verbose=0)
        if explanation.config["interrupted"]:
            raise KeyboardInterrupt  # An unfinished image must not be kept as a finished one.
        return explanation.images[0]

    return Explainer(explain, visualizer.config())


def _xplique(model: keras.Model, settings: Compute) -> Explainer:
    """xplique's own `maco` through its public functions, with its defaults except for the compute."""
    from xplique.features_visualizations import Objective, maco

    wrapped = xplique_model(model)

    def explain(index: int, seed: int) -> np.ndarray:
        keras.utils.set_random_seed(seed)
        image, _ = maco(
            Objective.neuron(wrapped, "logits", index),
            nb_steps=settings.steps,
            nb_crops=settings.crops,
            custom_shape=(settings.image_size, settings.image_size),
        )
        return (image + 1) / 2

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
