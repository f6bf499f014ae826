"""The compiled step: any number of ascent steps a call."""

import contextlib

import keras
import tensorflow as tf

from maco_tf.models.activations import IMAGE
from maco_tf.models.redirected_relu import redirected_relus
from maco_tf.optimization.scoring import reference_activations, score_images
from maco_tf.optimization.state import State, initial_state
from maco_tf.transforms.transform import Transform, apply_transforms


class CompiledSteps:
    """Ascent steps on one structure of objective, as one `tf.function`.

    A call runs as many steps as it is told without returning to Python. Nothing of an objective's values is
    compiled in (see `objective_tensors`), and `start` sets everything back: the same object serves every
    explanation, one after another.

    Args:
        activations: an `Activations`.
        parametrization: a `Parametrization`.
        transforms: list of `Transform`s or callables.
        optimizer: a `keras.optimizers.Optimizer`; a copy is used.
        terms: list of `Term`, the objective's structure.
        steps: length of the run.
        relu_warmup: number of first steps in which gradients pass through ReLUs that are off.
        jit_compile: whether XLA compiles the function.
    """

    def __init__(
        self, activations, parametrization, transforms, optimizer, terms, steps, *, relu_warmup=0, jit_compile=False
    ):
        self._activations, self._parametrization, self._terms = activations, parametrization, terms
        self._transforms, self._steps, self._relu_warmup = transforms, steps, relu_warmup
        self._generators = [generator for item in transforms for generator in _seed_generators(item)]
        self._variables = [keras.Variable(value) for value in parametrization.initialize(0)]
        self._optimizer = type(optimizer).from_config(optimizer.get_config())
        self._optimizer.build(self._variables)
        self._fresh = [variable.numpy() for variable in self._optimizer.variables]
        self.traces = 0
        self._function = tf.function(self._run_steps, autograph=False, jit_compile=jit_compile)
        self._concrete = None

    def start(self, seed, images=None):
        """Set variables and optimizer back to the start of a run.

        Args:
            seed: integer; equal seeds give equal runs.
            images: where the run starts, instead of at random; see `Parametrization.from_images`.

        Returns:
            The first `State`.
        """
        parametrization = self._parametrization
        values = parametrization.initialize(seed) if images is None else parametrization.from_images(images)
        for variable, value in zip(self._variables, values):
            variable.assign(value)
        for variable, value in zip(self._optimizer.variables, self._fresh):
            variable.assign(value)
        return initial_state(self._parametrization, len(self._generators), self._steps, seed)

    def images(self):
        """The images as they are now: array (batch, height, width, channels), float32 in [0, 1]."""
        return self._parametrization.image(self._values()).numpy()

    def __call__(self, state, weights, parameters, count):
        """Run `count` steps.

        Args:
            state: a `State`.
            weights: see `objective_tensors`.
            parameters: see `objective_tensors`.
            count: number of steps; `state.step + count` must not exceed the length of the run.

        Returns:
            The new `State`.
        """
        arguments = (state, weights, parameters, tf.constant(count))
        if self._concrete is None:
            # Traced here and never again, whatever the values.
            self._concrete = self._function.get_concrete_function(*arguments)
        return self._concrete(*arguments)

    def _values(self):
        return [tf.convert_to_tensor(variable.value) for variable in self._variables]

    def _run_steps(self, state, weights, parameters, count):
        self.traces += 1  # Python runs this line only while tracing.
        _, state = tf.while_loop(
            lambda done, _: done < count,
            lambda done, state: (done + 1, self._step(state, weights, parameters)),
            (tf.constant(0), state),
        )
        return state

    def _step(self, state, weights, parameters):
        values = self._values()
        references = reference_activations(
            self._terms, parameters, lambda images, layer: self._seen(images, layer, state)
        )
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            image = self._parametrization.image(values)
            views, seeds = self._views(image, state)
            with self._relus(state):
                activations = self._activations(views, [term.layer for term in self._terms])
            scores = score_images(
                self._terms,
                {**activations, IMAGE: image},
                weights,
                parameters,
                self._parametrization.batch_size,
                references,
            )
            # Images of a batch do not meet, joint terms aside, so the sum's gradient is each image's own.
            scale = self._activations.gradient_scale
            loss = -scale * tf.reduce_sum(scores)
        image_gradient, *gradients = tape.gradient(loss, [image, *values])
        if image_gradient is None:
            raise ValueError(
                "The score must have a gradient with respect to the image. Received: none. Preprocessing, transforms "
                "and layers must not round, cast to integers or stop gradients."
            )
        # Halves underflow below 6e-8: the model saw its gradient times this power of two.
        image_gradient, *gradients = (gradient / scale for gradient in (image_gradient, *gradients))
        self._optimizer.apply(gradients, self._variables)
        return State(
            step=state.step + 1,
            seeds=seeds,
            transparency=state.transparency + tf.reduce_mean(tf.abs(image_gradient), axis=-1),
            history=tf.tensor_scatter_nd_update(state.history, [[state.step]], scores[None]),
        )

    def _seen(self, images, layer, state):
        """A layer's activations on given images, under the crops and noise that the optimised ones get in this step."""
        views, _ = self._views(images, state)
        return self._activations(views, [layer])[layer]

    def _relus(self, state):
        if not self._relu_warmup:
            return contextlib.nullcontext()
        return redirected_relus(state.step < self._relu_warmup, self._activations.model)

    def _views(self, image, state):
        """The transformed images and the random states after drawing them."""
        states = [generator.state for generator in self._generators]
        with keras.StatelessScope(state_mapping=list(zip(states, state.seeds))) as scope:
            views = apply_transforms(self._transforms, image, state.step, self._steps)
        # Keras counts in int64 on TensorFlow.
        if views.shape[1:] != self._activations.input_shape:
            raise ValueError(
                f'"transforms" must bring images to the model\'s input {self._activations.input_shape}. Received: '
                f"{tuple(views.shape[1:])} after the last. Add transforms.Resize("
                f"{tuple(self._activations.input_shape[:2])})."
            )
        return views, [tf.cast(scope.get_current_value(variable), tf.uint32) for variable in states]


def _seed_generators(transform):
    """The random states of a transform of ours or of a Keras layer."""
    if isinstance(transform, Transform):
        return [transform.seed_generator]
    if isinstance(transform, keras.Layer):
        layers = transform._flatten_layers()
        return [
            value for layer in layers for value in vars(layer).values() if isinstance(value, keras.random.SeedGenerator)
        ]
    return []
