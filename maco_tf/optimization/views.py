"""A step's views, whole or in parts that see the same random numbers."""

import math
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from maco_tf.transforms.transform import Transform


class State(NamedTuple):
    """A nest of tensors that the compiled function maps to the next one.

    Attributes:
        step: int32 scalar, steps done.
        seeds: list of uint32 tensors (2,), one for each random transform.
        transparency: float32 (batch, height, width), accumulated |dscore/dimage|, mean over channels.
        history: float32 (steps, batch), the score of each step; zero where not reached yet.
    """

    step: tf.Tensor
    seeds: list
    transparency: tf.Tensor
    history: tf.Tensor


def initial_state(parametrization, generators, steps, seed):
    """The state before the first step: a function of its arguments only.

    Args:
        parametrization: a `Parametrization`.
        generators: number of random transforms.
        steps: length of the run.
        seed: integer.

    Returns:
        A `State`.
    """
    batch, height, width = parametrization.batch_size, parametrization.height, parametrization.width
    seeds = [np.random.SeedSequence([seed, index]).generate_state(2) for index in range(generators)]
    return State(
        step=tf.constant(0),
        seeds=[tf.constant(values, tf.uint32) for values in seeds],
        transparency=tf.zeros((batch, height, width)),
        history=tf.zeros((steps, batch)),
    )


# More than a user's layer draws in a step; the states of two steps lie that far apart.
_DRAWS_A_STEP = 2**16


class Views:
    """The transforms between the images and the model, as a step runs them.

    Args:
        transforms: list of `Transform`s or callables.
        input_shape: `(height, width, channels)` of the model's input.

    Attributes:
        count: views of an image.
        cuts: into how many equal parts the views of an image can be cut: into what divides this number.
        generators: number of random states.
    """

    def __init__(self, transforms, input_shape):
        self._transforms, self._input_shape = transforms, tuple(input_shape)
        counts = [item.count if isinstance(item, Transform) else 1 for item in transforms]
        self.count = math.prod(counts)
        # Parts are cut where an image first becomes several; what comes before is the same for all of them.
        self._first = next((index for index, count in enumerate(counts) if count > 1), len(counts))
        self.cuts = counts[self._first] if self._first < len(counts) else 1
        self._counts = counts
        self._ours = [item.seed_generator.state for item in transforms if isinstance(item, Transform)]
        self._theirs = [
            generator.state for item in transforms if isinstance(item, keras.Layer) for generator in _generators(item)
        ]
        self.generators = len(self._ours) + len(self._theirs)

    def draw(self, batch, seeds, step, steps):
        """Draw the random numbers of a step.

        Args:
            batch: number of images.
            seeds: list of uint32 tensors (2,), a state for each generator.
            step: scalar tensor.
            steps: length of the run.

        Returns:
            `(draws, seeds)`: what each of our transforms drew, and the states for the next step.
        """
        draws, views = [], batch
        mapping = list(zip(self._ours, seeds))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            for transform, count in zip(self._transforms, self._counts):
                views *= count
                draws.append(transform.draw(views, step, steps) if isinstance(transform, Transform) else ())
        # Keras counts in int64 on TensorFlow.
        ours = [tf.cast(scope.get_current_value(state), tf.uint32) for state in self._ours]
        return draws, ours + [seed + tf.constant([0, _DRAWS_A_STEP], tf.uint32) for seed in seeds[len(ours) :]]

    def part(self, draws, rows, batch, start, size):
        """The random numbers of some views of some images.

        Args:
            draws: of all views, as `draw` returns them.
            rows: int32 tensor, numbers of the images.
            batch: number of all images.
            start: int32 tensor, the first of the `cuts` parts of an image that is wanted.
            size: how many of them.

        Returns:
            As `draws`.
        """

        def taken(index, value):
            if index < self._first:
                return tf.gather(tf.reshape(value, (batch, -1, *value.shape[1:])), rows)[:, 0]
            by_image = tf.reshape(value, (batch, self.cuts, -1, *value.shape[1:]))
            chosen = tf.gather(tf.gather(by_image, rows), start + tf.range(size), axis=1)
            return tf.reshape(chosen, (-1, *value.shape[1:]))

        return [tuple(taken(index, value) for value in values) for index, values in enumerate(draws)]

    def apply(self, images, draws, seeds, number=0):
        """Make views of images.

        Args:
            images: tensor (batch, height, width, channels).
            draws: what `draw` or `part` returns.
            seeds: the states before the step.
            number: the part's; users' Keras layers, which draw when they are called, draw other numbers in every part.

        Returns:
            Tensor (views, *input_shape), the views of one image side by side.

        Raises:
            ValueError: the views have not the model's input size, or a user's callable changes their number.
        """
        states = [seed + tf.cast(tf.stack([number, 0]), seed.dtype) for seed in seeds[len(self._ours) :]]
        with keras.StatelessScope(state_mapping=list(zip(self._theirs, states))):
            for transform, drawn in zip(self._transforms, draws):
                images = (
                    transform.apply(images, drawn) if isinstance(transform, Transform) else _called(transform, images)
                )
        if images.shape[1:] != self._input_shape:
            raise ValueError(
                f'"transforms" must bring images to the model\'s input {self._input_shape}. Received: '
                f"{tuple(images.shape[1:])} after the last. Add transforms.Resize({self._input_shape[:2]})."
            )
        return images


def _called(transform, images):
    views = transform(images)
    if views.shape[0] != images.shape[0]:
        raise ValueError(
            f'"transforms" must keep the number of images. Received: {transform!r}, which makes {views.shape[0]} of '
            f"{images.shape[0]}. Several views of an image are made by transforms.Repeat(count)."
        )
    return views


def _generators(layer):
    """The random states of a Keras layer and of those inside it."""
    layers = layer._flatten_layers()
    return [value for item in layers for value in vars(item).values() if isinstance(value, keras.random.SeedGenerator)]
