"""What is timed: networks, and functions that make a run, which calls `tick` at the beginning of every step."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from xplique.features_visualizations import Objective, maco

from maco_tf import Logit, MacoVisualizer
from maco_tf.benchmark.xplique_maco import logits_model, xplique_model
from maco_tf.models import zoo
from maco_tf.models.zoo.applications import load_application
from maco_tf.models.zoo.vision_transformer import VisionTransformer
from tests.speed.settings import BARE, XPLIQUE, Settings, cases
from tests.speed.timing import Run


@dataclasses.dataclass(frozen=True)
class Network:
    """One network in both frameworks, from images in [0, 1] to 1,000 classes.

    Attributes:
        load: function that returns the `keras.Model`.
        torch: `(module, function)` that makes the same architecture in PyTorch, with random weights.
    """

    load: Callable[[], keras.Model]
    torch: tuple[str, str]


def vit_b16() -> keras.Model:
    """ViT-B/16 (Dosovitskiy et al., 2021) for images of 224 pixels, with random weights."""
    encoder = VisionTransformer(
        width=768, depth=12, heads=12, hidden=3072, patch_size=16, layer_scale=False, exact_gelu=True
    )
    inputs = keras.Input((224, 224, 3), name="image")
    x = encoder.encode(layers.Rescaling(2.0, offset=-1.0, name="rescaling")(inputs))
    x = layers.Flatten(name="pre_logits")(layers.Cropping1D((0, x.shape[1] - 1), name="only_class_token")(x))
    return keras.Model(inputs, layers.Dense(1000, activation="softmax", name="predictions")(x), name="vit_b16")


# Random weights take as much time and memory as trained ones of the same shapes.
NETWORKS = {
    "efficientnet_lite0": Network(lambda: zoo.load("efficientnet_lite0"), ("timm.models", "efficientnet_lite0")),
    "squeezenet": Network(lambda: zoo.load("squeezenet"), ("torchvision.models", "squeezenet1_1")),
    "resnet50_v2": Network(lambda: load_application("ResNet50V2", weights=None), ("timm.models", "resnetv2_50")),
    "vit_b16": Network(vit_b16, ("torchvision.models", "vit_b_16")),
}


def keras_methods(model: keras.Model, crops: int, settings: Settings, network: str) -> dict[str, Callable[[int], Run]]:
    """The methods on a Keras network.

    Args:
        model: a functional `keras.Model`.
        crops: views per step.
        settings: a `Settings`.
        network: the name of the network.

    Returns:
        Dictionary, name -> function of the number of steps that makes a run.
    """
    return {
        BARE: functools.partial(bare_run, model, crops),
        **{
            name: functools.partial(our_run, model, crops, settings.image_size, arguments, Logit(0))
            for name, arguments in cases(crops, settings, network).items()
        },
        XPLIQUE: functools.partial(xplique_run, model, crops, settings.image_size),
    }


def bare_run(model: keras.Model, crops: int, steps: int) -> Run:
    """The reference: one forward pass, and the gradient of a logit with respect to the input, as a `tf.function`.

    There is no image, crop, noise or optimizer, and nothing is read back. As for the steps of `MacoVisualizer`, XLA
    compiles the function if there is a GPU.
    """
    network = logits_model(model)
    images = tf.constant(np.random.default_rng(0).uniform(size=(crops, *network.input_shape[1:])), tf.float32)

    @functools.partial(tf.function, autograph=False, jit_compile=bool(tf.config.list_logical_devices("GPU")))
    def gradient(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            score = tf.reduce_mean(network(images, training=False)[:, 0])
        # The score is returned as well, or TensorFlow would leave out all that follows the last nonlinear activation.
        return score, tape.gradient(score, images)

    def run(tick: Callable[[], None]) -> None:
        for _ in range(steps):
            tick()
            gradient(images)

    return run


class _Ticking(keras.callbacks.Callback):
    """Calls a function at the beginning of every step."""

    def __init__(self, tick: Callable[[], None]) -> None:
        super().__init__()
        self._tick = tick

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._tick()


def our_run(
    model: keras.Model, crops: int, image_size: int, arguments: dict[str, Any], objective: Any, steps: int
) -> Run:
    """`MacoVisualizer.explain`, timed from one call of a callback to the next.

    A step therefore contains all that it contains for users: the loop in Python, reading the score back, and checking
    that it is finite. The recipe's schedules span the steps that are timed.
    """
    visualizer = MacoVisualizer(model, steps=steps, crops=crops, image_size=image_size, **arguments)

    def run(tick: Callable[[], None]) -> None:
        visualizer.explain(objective, seed=0, callbacks=[_Ticking(tick)], verbose=0)

    return run


def xplique_run(model: keras.Model, crops: int, image_size: int, steps: int) -> Run:
    """xplique's `maco` through its public functions, on the same weights.

    It has no callbacks, but at the beginning of every step it calls a function for the size of the boxes. That function
    is replaced by one that marks the time and returns the default sizes, a line from 0.5 to 0.05. So tracing and
    start-up, which happen in every call, are not part of a step.
    """
    sizes = tf.cast(np.linspace(0.5, 0.05, steps), tf.float32)
    objective = Objective.neuron(xplique_model(model), "logits", 0)

    def run(tick: Callable[[], None]) -> None:
        def box_size(step: int) -> tf.Tensor:
            tick()
            return sizes[step]

        maco(objective, nb_steps=steps, nb_crops=crops, box_size=box_size, custom_shape=(image_size, image_size))

    return run
