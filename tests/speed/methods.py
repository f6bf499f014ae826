"""What is timed: functions that make a run, which calls `tick` where each of its steps begins."""

import functools

import keras
import numpy as np
import tensorflow as tf
from xplique.features_visualizations import Objective, maco

from maco_tf import Logit, MacoVisualizer
from maco_tf.benchmark.methods import logits_model, xplique_model
from tests.speed.cases import cases

BARE = "bare network"
XPLIQUE = "xplique"


def keras_methods(model, crops, settings, network):
    """The methods on a Keras network.

    Args:
        model: a functional `keras.Model`.
        crops: views a step.
        settings: a `Settings`.
        network: its name.

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


def bare_run(model, crops, steps):
    """The limit: the network forward, and the gradient of a logit with respect to its input, as one `tf.function`.

    There is no image, no crop, no noise and no optimizer, and nothing is read back. XLA compiles it where a GPU is, as
    it does `MacoVisualizer`'s steps.
    """
    network = logits_model(model)
    images = tf.constant(np.random.default_rng(0).uniform(size=(crops, *network.input_shape[1:])), tf.float32)

    @functools.partial(tf.function, autograph=False, jit_compile=bool(tf.config.list_logical_devices("GPU")))
    def gradient(images):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            score = tf.reduce_mean(network(images, training=False)[:, 0])
        # Returned, or TensorFlow would leave out whatever is after the last activation that is not linear.
        return score, tape.gradient(score, images)

    def run(tick):
        for _ in range(steps):
            tick()
            gradient(images)

    return run


class _Ticking(keras.callbacks.Callback):
    def __init__(self, tick):
        super().__init__()
        self._tick = tick

    def on_train_batch_begin(self, batch, logs=None):
        self._tick()


def our_run(model, crops, image_size, arguments, objective, steps):
    """`MacoVisualizer.explain`, timed between its callbacks: a step is all that happens from one to the next.

    Reading the score back, the check that it is finite, and the loop in Python are part of it, as they are for users.
    The recipe's schedules span the steps that are timed.
    """
    visualizer = MacoVisualizer(model, steps=steps, crops=crops, image_size=image_size, **arguments)

    def run(tick):
        visualizer.explain(objective, seed=0, callbacks=[_Ticking(tick)], verbose=0)

    return run


def xplique_run(model, crops, image_size, steps):
    """xplique's `maco` by its public functions, on the same weights.

    It has no callbacks, but asks a function for the size of the boxes at the beginning of every step: that of its
    default, a line from 0.5 to 0.05, tells the time. So tracing and start-up, which it pays in every call, fall out.
    """
    sizes = tf.cast(np.linspace(0.5, 0.05, steps), tf.float32)
    objective = Objective.neuron(xplique_model(model), "logits", 0)

    def run(tick):
        def box_size(step):
            tick()
            return sizes[step]

        maco(objective, nb_steps=steps, nb_crops=crops, box_size=box_size, custom_shape=(image_size, image_size))

    return run
