"""The state of a run, and the views that each step draws from it."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from maco_tf.parametrizations.parametrization import Parametrization
from maco_tf.transforms.transform import Transform

# More draws than a user's layer makes in a step: the states of two steps lie this far apart.
_DRAWS_A_STEP = 2**16

AnyTransform = Transform | Callable[[tf.Tensor], tf.Tensor]


class State(NamedTuple):
    """What a run carries from step to step besides the image. The compiled function maps one state to the next.

    Attributes:
        step: int32 scalar, number of steps done.
        seeds: for each seed of the run, a list of uint32 tensors (2,): one for each random transform, and one for the
            model if its layers draw.
        transparency: float32 (batch, height, width), accumulated |dscore/dimage|, mean over channels.
        history: float32 (steps, batch, terms), what each term adds to the score at each step; zero for steps to come.
    """

    step: tf.Tensor
    seeds: list[list[tf.Tensor]]
    transparency: tf.Tensor
    history: tf.Tensor


def initial_state(
    parametrization: Parametrization, generators: int, steps: int, seeds: Sequence[int], terms: int = 1
) -> State:
    """The state before the first step. It depends on the arguments only.

    Args:
        parametrization: a `Parametrization`.
        generators: number of seeds; see `Views.generators`.
        steps: length of the run.
        seeds: list of integers; each serves an equal part of the batch.
        terms: number of terms of the objective.

    Returns:
        A `State`.
    """
    batch, (height, width, _) = parametrization.batch_size, parametrization.image_shape
    return State(
        step=tf.constant(0),
        seeds=[
            [
                tf.constant(np.random.SeedSequence([seed, index]).generate_state(2), tf.uint32)
                for index in range(generators)
            ]
            for seed in seeds
        ],
        transparency=tf.zeros((batch, height, width)),
        history=tf.zeros((steps, batch, terms)),
    )


class Views:
    """The transforms between the images and the model, as a step runs them.

    Args:
        transforms: list of `Transform`s or callables.
        input_shape: `(height, width, channels)` of the model's input.
        random_model: whether the model draws random numbers too; see `Activations.is_random`.

    Attributes:
        count: number of views of an image.
        cuts: the views of an image can be cut into equal parts whose number divides this one.
        generators: number of seeds in a `State`: one for each random transform, and one for a model that draws.
        random_model: the argument.
    """

    def __init__(
        self, transforms: Sequence[AnyTransform], input_shape: Sequence[int], *, random_model: bool = False
    ) -> None:
        self.random_model = random_model
        self._transforms, self._input_shape = list(transforms), tuple(input_shape)
        self._counts = [item.count if isinstance(item, Transform) else 1 for item in transforms]
        self.count = math.prod(self._counts)
        # Parts are cut where an image first becomes several; earlier transforms are the same for all parts.
        self._first = next((index for index, count in enumerate(self._counts) if count > 1), len(self._counts))
        self.cuts = self._counts[self._first] if self._first < len(self._counts) else 1
        self._ours = [item.seed_generator.state for item in transforms if isinstance(item, Transform)]
        self._theirs = [
            generator.state for item in transforms if isinstance(item, keras.Layer) for generator in _generators(item)
        ]
        self.generators = len(self._ours) + len(self._theirs) + random_model

    def draw(self, batch: int, state: State, steps: int) -> tuple["Draws", list[list[tf.Tensor]]]:
        """Draw the random numbers of a step. The images of one seed get the numbers that they would get without others.

        Users' Keras layers and a model that draws see the whole batch, so they draw from the first seed.

        Args:
            batch: number of images.
            state: the state before the step.
            steps: length of the run.

        Returns:
            `(draws, seeds)`: the numbers of the step, and the seeds of the next one.
        """
        parts = [self._draw(batch // len(state.seeds), state.step, steps, seeds) for seeds in state.seeds]
        drawn = [numbers for numbers, _ in parts]
        # For each transform a tuple of tensors, each joined over the seeds.
        joined = drawn[0] if len(drawn) == 1 else [_joined(numbers) for numbers in zip(*drawn)]
        draws = Draws(self, batch, joined, state.seeds[0][len(self._ours) :], state.step)
        return draws, [seeds for _, seeds in parts]

    def _draw(
        self, batch: int, step: tf.Tensor, steps: int, seeds: list[tf.Tensor]
    ) -> tuple[list[tuple[tf.Tensor, ...]], list[tf.Tensor]]:
        drawn, views = [], batch
        mapping = list(zip(self._ours, seeds))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            for transform, count in zip(self._transforms, self._counts):
                views *= count
                drawn.append(transform.draw(views, step, steps) if isinstance(transform, Transform) else ())
        # On TensorFlow, Keras counts in int64.
        ours = [tf.cast(scope.get_current_value(value), tf.uint32) for value in self._ours]
        theirs = [seed + tf.constant([0, _DRAWS_A_STEP], tf.uint32) for seed in seeds[len(ours) :]]
        return drawn, ours + theirs

    def apply(
        self, images: tf.Tensor, drawn: list[tuple], seeds: list[tf.Tensor], number: int | tf.Tensor
    ) -> tf.Tensor:
        """Make views of images; see `Draws.apply`."""
        states = [_of_part(seed, number) for seed in seeds]
        with keras.StatelessScope(state_mapping=list(zip(self._theirs, states))):
            for transform, values in zip(self._transforms, drawn):
                images = (
                    transform.apply(images, values) if isinstance(transform, Transform) else _called(transform, images)
                )
        if images.shape[1:] != self._input_shape:
            raise ValueError(
                f'"transforms" must bring images to the model\'s input {self._input_shape}. Received: '
                f"{tuple(images.shape[1:])} after the last. Add transforms.Resize({self._input_shape[:2]})."
            )
        return images

    def taken(
        self, index: int, value: tf.Tensor, batch: int, rows: tf.Tensor, start: tf.Tensor, size: int
    ) -> tf.Tensor:
        """The numbers of transform `index` that belong to some cuts of some images."""
        if index < self._first:
            return tf.gather(tf.reshape(value, (batch, -1, *value.shape[1:])), rows)[:, 0]
        by_image = tf.reshape(value, (batch, self.cuts, -1, *value.shape[1:]))
        chosen = tf.gather(tf.gather(by_image, rows), start + tf.range(size), axis=1)
        return tf.reshape(chosen, (-1, *value.shape[1:]))


@dataclasses.dataclass(frozen=True)
class Draws:
    """The random numbers of a step, or of a part of it: enough to see any images under the same views.

    Attributes:
        views: the `Views` that drew them.
        batch: number of images they are for.
        drawn: list of tuples, the numbers of each transform.
        seeds: list of uint32 tensors (2,), the states of users' Keras layers, which draw when they are called. The last
            one belongs to the model if it draws.
        step: int32 scalar, the step of the run, from 0.
        number: int32 scalar or integer, the number of the part.
    """

    views: Views
    batch: int
    drawn: list[tuple]
    seeds: list[tf.Tensor]
    step: tf.Tensor
    number: int | tf.Tensor = 0

    def apply(self, images: tf.Tensor) -> tf.Tensor:
        """Make views of images.

        Args:
            images: tensor (batch, height, width, channels).

        Returns:
            Tensor (views, *input_shape), the views of each image side by side.

        Raises:
            ValueError: the views do not have the model's input size, or a user's callable changes their number.
        """
        return self.views.apply(images, self.drawn, self.seeds, self.number)

    @property
    def model_seed(self) -> tf.Tensor | None:
        """Uint32 tensor (2,) for the random layers of the model; `None` if it has none."""
        return _of_part(self.seeds[-1], self.number) if self.views.random_model else None

    def part(self, rows: tf.Tensor, start: int | tf.Tensor, size: int, number: int | tf.Tensor) -> "Draws":
        """The random numbers of some views of some images.

        Args:
            rows: int32 tensor, the numbers of the images.
            start: int32 scalar, the first of the `cuts` of an image.
            size: number of cuts.
            number: the number of the part. Users' Keras layers and the model draw other numbers in each part.

        Returns:
            A `Draws`.
        """
        drawn = [
            tuple(self.views.taken(index, value, self.batch, rows, start, size) for value in values)
            for index, values in enumerate(self.drawn)
        ]
        return dataclasses.replace(self, batch=rows.shape[0], drawn=drawn, number=number)


def _joined(numbers: Sequence[tuple[tf.Tensor, ...]]) -> tuple[tf.Tensor, ...]:
    return tuple(tf.concat(values, axis=0) for values in zip(*numbers))


def _of_part(seed: tf.Tensor, number: int | tf.Tensor) -> tf.Tensor:
    return seed + tf.cast(tf.stack([number, 0]), seed.dtype)


def _called(transform: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor) -> tf.Tensor:
    views = transform(images)
    if views.shape[0] != images.shape[0]:
        raise ValueError(
            f'"transforms" must keep the number of images. Received: {transform!r}, which turns {images.shape[0]} into '
            f"{views.shape[0]}. Use transforms.Repeat(count) to make several views of an image."
        )
    return views


def _generators(layer: keras.Layer) -> list[keras.random.SeedGenerator]:
    """The random states of a Keras layer and of its sublayers."""
    layers = layer._flatten_layers()
    return [value for item in layers for value in vars(item).values() if isinstance(value, keras.random.SeedGenerator)]
