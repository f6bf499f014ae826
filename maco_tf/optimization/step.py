"""The compiled step: any number of ascent steps a call."""

import contextlib

import keras
import tensorflow as tf

from maco_tf.models.activations import IMAGE
from maco_tf.models.redirected_relu import redirected_relus
from maco_tf.optimization.parts import plan_parts
from maco_tf.optimization.replicas import outside_scope, refused_by_xla, runs_plainly_on_cpu
from maco_tf.optimization.scoring import input_gradient, reference_activations, score_images
from maco_tf.optimization.views import State, Views, initial_state
from maco_tf.transforms.draws import drawn_under


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
        max_batch_size: most views that the model sees at once, `None` for all, or "auto"; a step's others follow, and
            the gradients add up; see `plan_parts`.
        strategy: a `tf.distribute.Strategy` whose replicas share the views, or `None`.

    Attributes:
        views: a `Views`, the transforms.
        parts: a `Parts`, how a step is cut.
        variables: list of Keras variables, what is optimised.
        traces: how often the function was traced.

    Raises:
        ValueError: the views cannot be cut that way.
    """

    def __init__(
        self,
        activations,
        parametrization,
        transforms,
        optimizer,
        terms,
        steps,
        *,
        relu_warmup=0,
        jit_compile=False,
        max_batch_size=None,
        strategy=None,
    ):
        self.activations, self.parametrization, self.terms = activations, parametrization, terms
        self._steps, self._relu_warmup, self._strategy = steps, relu_warmup, strategy
        self._jit_compile = jit_compile
        self.views = Views(transforms, activations.input_shape)
        replicas = strategy.num_replicas_in_sync if strategy else 1
        self.parts = plan_parts(terms, parametrization.batch_size, self.views, max_batch_size, replicas)
        self.variables, self.optimizer = outside_scope(lambda: _variables(parametrization, optimizer))
        self._fresh = [variable.numpy() for variable in self.optimizer.variables]
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
        parametrization = self.parametrization
        values = parametrization.initialize(seed) if images is None else parametrization.from_images(images)
        for variable, value in zip(self.variables, values):
            variable.assign(value)
        for variable, value in zip(self.optimizer.variables, self._fresh):
            variable.assign(value)
        return initial_state(self.parametrization, self.views.generators, self._steps, seed)

    def images(self):
        """The images as they are now: array (batch, height, width, channels), float32 in [0, 1]."""
        return self.parametrization.image(self.values()).numpy()

    def __call__(self, state, weights, parameters, count):
        """Run `count` steps.

        Args:
            state: a `State`.
            weights: see `objective_tensors`.
            parameters: see `objective_tensors`.
            count: number of steps; `state.step + count` must not exceed the length of the run.

        Returns:
            The new `State`.

        Raises:
            ValueError: no gradient reaches the images, or XLA cannot compile the step.
        """
        arguments = (state, weights, parameters, tf.constant(count))
        if self._concrete is None:
            # Traced here and never again, whatever the values.
            self._concrete = outside_scope(lambda: self._function.get_concrete_function(*arguments))
        with refused_by_xla():
            return self._concrete(*arguments)

    def first_draws(self, state):
        """The random numbers of a step's first part, drawn while a function is traced or eagerly.

        Args:
            state: a `State`, whose seeds stay as they are.

        Returns:
            As `Views.draw` returns them.
        """
        parts = self.parts
        draws, _ = self.views.draw(parts.batch, state.seeds, state.step, self._steps)
        if parts.count == 1:
            return draws
        return self.views.part(draws, tf.range(parts.rows), parts.batch, 0, parts.size)

    def values(self):
        """The variables as tensors."""
        return [tf.convert_to_tensor(variable.value) for variable in self.variables]

    def synthesise(self, values):
        """The images that values of the variables stand for, inside a `tf.function` that is being traced.

        Args:
            values: list of tensors.

        Returns:
            Tensor (batch, height, width, channels), float32 in [0, 1].
        """
        parametrization = self.parametrization
        if parametrization.batch_size == 1 or not runs_plainly_on_cpu(self._jit_compile, self._strategy):
            return parametrization.image(values)
        # One by one, several beside each other, takes half the time: Fourier transforms use one core each, and buffers
        # of all images together would come anew from the system at every step.
        shape = (parametrization.height, parametrization.width, parametrization.channels)
        return tf.map_fn(
            lambda own: parametrization.image([value[None] for value in own])[0],
            values,
            fn_output_signature=tf.TensorSpec(shape, tf.float32),
        )

    def _run_steps(self, state, weights, parameters, count):
        self.traces += 1  # Python runs this line only while tracing.
        with drawn_under(self._jit_compile):
            _, state = tf.while_loop(
                lambda done, _: done < count,
                lambda done, state: (done + 1, self._step(state, weights, parameters)),
                (tf.constant(0), state),
            )
        return state

    def _step(self, state, weights, parameters):
        values = self.values()
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            image = self.synthesise(values)
        draws, seeds = self.views.draw(self.parametrization.batch_size, state.seeds, state.step, self._steps)
        scores, image_gradient = self._descent(image, weights, parameters, draws, state)
        gradients = tape.gradient(image, values, output_gradients=image_gradient)
        self.optimizer.apply(gradients, self.variables)
        return State(
            step=state.step + 1,
            seeds=seeds,
            transparency=state.transparency + tf.reduce_mean(tf.abs(image_gradient), axis=-1),
            history=tf.tensor_scatter_nd_update(state.history, [[state.step]], scores[None]),
        )

    def _descent(self, image, weights, parameters, draws, state):
        """The scores (batch,) and the gradient of the loss, minus their sum, with respect to the images, by parts."""
        parts = self.parts
        if parts.count == 1:
            return self._score(image, weights, parameters, draws, state)

        def add(number, scores, gradient):
            rows = parts.images(number)
            own_scores, own_gradient = self._score(
                tf.gather(image, rows),
                tf.gather(weights, rows, axis=1),
                [{name: tf.gather(value, rows) for name, value in own.items()} for own in parameters],
                self.views.part(draws, rows, parts.batch, parts.start(number), parts.size),
                state,
                number,
            )
            return (
                number + 1,
                tf.tensor_scatter_nd_add(scores, rows[:, None], own_scores / parts.columns),
                tf.tensor_scatter_nd_add(gradient, rows[:, None], own_gradient / parts.columns),
            )

        def add_all(first, end):
            start = (first, tf.zeros((parts.batch,)), tf.zeros(image.shape))
            # One at a time: that is what parts are for.
            _, scores, gradient = tf.while_loop(lambda number, *_: number < end, add, start, parallel_iterations=1)
            return scores, gradient

        return self._share(parts.count, add_all)

    def _score(self, image, weights, parameters, draws, state, number=0):
        """The scores of some images under some views, and the gradient of the loss."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            views = self.views.apply(image, draws, state.seeds, number)
            scores = self.scores(views, image, weights, parameters, draws, state, number)
            # Images of a batch do not meet, joint terms aside, so the sum's gradient is each image's own.
            scale = self.activations.gradient_scale
            loss = -scale * tf.reduce_sum(scores)
        gradient = input_gradient(tape, loss, image)
        # Halves underflow below 6e-8: the model saw its gradient times this power of two.
        return scores, gradient / scale

    def scores(self, views, image, weights, parameters, draws, state, number=0):
        """What the model makes of views.

        Args:
            views: tensor (views, ...), as `Views.apply` returns them.
            image: tensor (batch, height, width, channels), the images they are of.
            weights: see `objective_tensors`, for these images.
            parameters: likewise.
            draws: the random numbers of these views, which references are seen under too.
            state: a `State`.
            number: the part's.

        Returns:
            Scores, float32 tensor (batch,).
        """

        def seen(images, layer):
            return self.activations(self.views.apply(images, draws, state.seeds, number), [layer])[layer]

        with self._relus(state):
            activations = self.activations(views, [term.layer for term in self.terms])
        return score_images(
            self.terms,
            {**activations, IMAGE: image},
            weights,
            parameters,
            image.shape[0],
            reference_activations(self.terms, parameters, seen),
        )

    def _share(self, count, add_all):
        """The sum over all parts, each replica adding up its own."""
        if self._strategy is None:
            return add_all(tf.constant(0), tf.constant(count))
        own = count // self._strategy.num_replicas_in_sync

        def replica():
            first = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32) * own
            return add_all(first, first + own)

        return [self._strategy.reduce("SUM", value, axis=None) for value in self._strategy.run(replica)]

    def _relus(self, state):
        if not self._relu_warmup:
            return contextlib.nullcontext()
        return redirected_relus(state.step < self._relu_warmup, self.activations.model)


def _variables(parametrization, optimizer):
    """The free variables, and a copy of the optimizer with its own."""
    variables = [keras.Variable(value) for value in parametrization.initialize(0)]
    optimizer = type(optimizer).from_config(optimizer.get_config())
    optimizer.build(variables)
    return variables, optimizer
