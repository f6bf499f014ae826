"""The compiled step: any number of ascent steps in one call."""

import contextlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import warn_user
from maco_tf.models.activations import IMAGE, Activations
from maco_tf.models.redirected_relu import redirected_relus
from maco_tf.objectives.term import Term, layers_read
from maco_tf.optimization.contexts import out_of_memory, outside_tapes
from maco_tf.optimization.parts import Parts, plan_parts
from maco_tf.optimization.replicas import ascend, built_optimizer, outside_scope, refused_by_xla, runs_plainly_on_cpu
from maco_tf.optimization.scoring import ObjectiveTensors, input_gradient, reference_activations, score_terms
from maco_tf.optimization.views import AnyTransform, Draws, State, Views, initial_state
from maco_tf.parametrizations.parametrization import Parametrization
from maco_tf.transforms.draws import drawn_under


class CompiledSteps:
    """Ascent steps on objectives of one structure, as one `tf.function`.

    A call runs as many steps as asked without returning to Python. The values of an objective are arguments, not
    constants (see `objective_tensors`), and `start` resets everything, so one object serves any number of explanations,
    one after another.

    Args:
        activations: an `Activations`.
        parametrization: a `Parametrization`.
        transforms: list of `Transform`s or callables.
        optimizer: a `keras.optimizers.Optimizer`; the steps use a copy.
        terms: list of `Term`, the structure of the objective.
        steps: length of the run.
        relu_warmup: number of steps at the start in which gradients pass through inactive ReLUs.
        jit_compile: whether XLA compiles the function.
        max_batch_size: the most views that the model sees at once, `None` for no limit, or "auto". The other views of a
            step follow, and the gradients add up; see `plan_parts`.
        strategy: a `tf.distribute.Strategy` whose replicas share the views, or `None`.
        automatic: the names of the settings among "jit_compile" and "max_batch_size" that may change with a warning
            before the first step, where XLA cannot compile the function or the memory does not suffice.

    Attributes:
        changed: dictionary, setting -> value, the automatic settings that have changed.
        views: the `Views`.
        parts: the `Parts` that a step is cut into.
        variables: list of Keras variables, which are optimised.
        traces: number of times the function was traced.

    Raises:
        ValueError: the views cannot be cut into parts of this size.
    """

    def __init__(
        self,
        activations: Activations,
        parametrization: Parametrization,
        transforms: Sequence[AnyTransform],
        optimizer: keras.optimizers.Optimizer,
        terms: Sequence[Term],
        steps: int,
        *,
        relu_warmup: int = 0,
        jit_compile: bool = False,
        max_batch_size: int | str | None = None,
        strategy: tf.distribute.Strategy | None = None,
        automatic: Collection[str] = (),
    ) -> None:
        self.activations, self.parametrization, self.terms = activations, parametrization, list(terms)
        self._steps, self._relu_warmup, self._strategy = steps, relu_warmup, strategy
        self._jit_compile, self._automatic = jit_compile, automatic
        self.changed: dict[str, Any] = {}
        random_model = activations.is_random(layers_read(terms))
        self.views = Views(transforms, activations.input_shape, random_model=random_model)
        self._replicas = replicas = strategy.num_replicas_in_sync if strategy else 1
        self.parts: Parts = plan_parts(terms, parametrization.batch_size, self.views, max_batch_size, replicas)
        if self.parts.count % replicas:
            self._strategy = None  # A single view runs on one device.
        self.variables, self.optimizer = built_optimizer(parametrization, optimizer)
        self._fresh = [variable.numpy() for variable in self.optimizer.variables]
        self.traces = 0
        self._begin: tuple[Sequence[int], np.ndarray | None] = ((0,), None)
        self._concrete: Callable[..., State] | None = None

    def start(self, seeds: Sequence[int], images: np.ndarray | None = None) -> State:
        """Set variables and optimizer to the start of a run.

        Args:
            seeds: list of integers, each for an equal part of the batch; equal seeds give equal runs.
            images: start of the run instead of a random one; see `Parametrization.from_images`.

        Returns:
            The first `State`.
        """
        self._begin = (seeds, images)
        parametrization = self.parametrization
        values = parametrization.initialize_all(seeds) if images is None else parametrization.from_images(images)
        for variable, value in zip(self.variables, values):
            variable.assign(value)
        for variable, value in zip(self.optimizer.variables, self._fresh):
            variable.assign(value)
        return initial_state(self.parametrization, self.views.generators, self._steps, seeds, len(self.terms))

    def images(self) -> np.ndarray:
        """The current images: array (batch, height, width, channels), float32 in [0, 1]."""
        return self.parametrization.image(self.values()).numpy()

    def __call__(self, state: State, objective: ObjectiveTensors, count: int) -> State:
        """Run `count` steps.

        Args:
            state: a `State`.
            objective: see `objective_tensors`.
            count: number of steps; `state.step + count` must not exceed the length of the run.

        Returns:
            The new `State`.

        Raises:
            ValueError: no gradient reaches the images, or XLA cannot compile the step.
            MemoryError: the views that the model sees at once do not fit into the memory of the device.
        """
        arguments = (state, objective, tf.constant(count))
        if (concrete := self._concrete) is None:
            function = tf.function(self._run_steps, autograph=False, jit_compile=self._jit_compile)
            self._concrete = concrete = outside_scope(lambda: function.get_concrete_function(*arguments))
        try:
            with refused_by_xla(), out_of_memory(self._views_at_once()):
                return outside_tapes(lambda: concrete(*arguments))
        except (ValueError, MemoryError) as error:
            if int(state.step) or not self._change(error):
                raise
            self._concrete = None
        return self(self.start(*self._begin), objective, count)  # The failed call may have changed the variables.

    def _views_at_once(self) -> int:
        return self.parts.rows * self.parts.size * (self.views.count // self.views.cuts)

    def _change(self, error: Exception) -> bool:
        """Change the automatic setting that an error blames, if there is one, and warn."""
        if isinstance(error, MemoryError):
            largest = self._views_at_once() // 2
            if "max_batch_size" not in self._automatic or not largest:
                return False
            with contextlib.suppress(ValueError):  # The views may not be cut into smaller parts.
                batch = self.parametrization.batch_size
                self.parts = plan_parts(self.terms, batch, self.views, largest, self._replicas)
                self.changed["max_batch_size"] = largest
                warn_user(f"The memory does not suffice for {2 * largest} views: max_batch_size is now {largest}.")
            return self.changed.get("max_batch_size") == largest
        if not self._jit_compile or "jit_compile" not in self._automatic:
            return False
        self.changed["jit_compile"] = self._jit_compile = False
        warn_user(f"XLA cannot compile the steps, which run without it: jit_compile is now False. {error.__cause__}")
        return True

    def first_draws(self, state: State) -> Draws:
        """Draw the random numbers of a step's first part, while a function is traced or eagerly.

        Args:
            state: a `State`; its seeds do not change.

        Returns:
            A `Draws`.
        """
        parts = self.parts
        draws, _ = self.views.draw(parts.batch, state, self._steps)
        return draws if parts.count == 1 else draws.part(tf.range(parts.rows), 0, parts.size, 0)

    def values(self) -> list[tf.Tensor]:
        """The variables as tensors."""
        return [tf.convert_to_tensor(variable.value) for variable in self.variables]

    def synthesise(self, values: list[tf.Tensor]) -> tf.Tensor:
        """Compute the images from values of the variables, inside a `tf.function` that is being traced.

        Args:
            values: list of tensors.

        Returns:
            Tensor (batch, height, width, channels), float32 in [0, 1].
        """
        parametrization = self.parametrization
        if parametrization.batch_size == 1 or not runs_plainly_on_cpu(self._jit_compile, self._strategy):
            return parametrization.image(values)
        # One image at a time, several in parallel, takes half the time on a CPU: a Fourier transform uses one core, and
        # the system would allocate buffers for all images anew at every step.
        return tf.map_fn(
            lambda value: parametrization.image([part[None] for part in value])[0],
            values,
            fn_output_signature=tf.TensorSpec(parametrization.image_shape, tf.float32),
        )

    def scores(self, views: tf.Tensor, image: tf.Tensor, objective: ObjectiveTensors, draws: Draws) -> tf.Tensor:
        """Score views of images under each term.

        Args:
            views: tensor (views, ...), as `Draws.apply` returns it.
            image: tensor (batch, height, width, channels), the images that the views show.
            objective: the `ObjectiveTensors` of these images.
            draws: the `Draws` of these views; reference images are seen under them too.

        Returns:
            Float32 tensor (batch, terms), what each term adds to the score.
        """

        def seen(images: tf.Tensor, layer: str | int) -> tf.Tensor:
            return self.activations(draws.apply(images), [layer], seed=draws.model_seed)[layer]

        with self._relus(draws.step):
            activations = self.activations(views, layers_read(self.terms), seed=draws.model_seed)
        references = reference_activations(self.terms, objective.parameters, seen)
        seen_by_terms = {**activations, IMAGE: image}
        scores = score_terms(self.terms, seen_by_terms, *objective, batch=image.shape[0], references=references)
        return tf.stack(scores, axis=1)

    def _run_steps(self, state: State, objective: ObjectiveTensors, count: tf.Tensor) -> State:
        self.traces += 1  # Python runs this line only while tracing.
        with drawn_under(self._jit_compile):
            _, state = tf.while_loop(
                lambda done, _: done < count,
                lambda done, state: (done + 1, self._step(state, objective)),
                (tf.constant(0), state),
            )
        return state

    def _step(self, state: State, objective: ObjectiveTensors) -> State:
        values = self.values()
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            image = self.synthesise(values)
        draws, seeds = self.views.draw(self.parametrization.batch_size, state, self._steps)
        scores, image_gradient = self._descent(image, objective, draws)
        gradients = tape.gradient(image, values, output_gradients=image_gradient)
        ascend(self.optimizer, gradients, self.variables, self.parametrization, state.step + 1)
        return State(
            step=state.step + 1,
            seeds=seeds,
            transparency=state.transparency + tf.reduce_mean(tf.abs(image_gradient), axis=-1),
            history=tf.tensor_scatter_nd_update(state.history, [[state.step]], scores[None]),
        )

    def _descent(self, image: tf.Tensor, objective: ObjectiveTensors, draws: Draws) -> tuple[tf.Tensor, tf.Tensor]:
        """The scores, and the gradient of the loss (minus their sum) with respect to the images, by parts."""
        parts = self.parts
        if parts.count == 1:
            return self._score(image, objective, draws)

        def add(number: tf.Tensor, scores: tf.Tensor, gradient: tf.Tensor) -> tuple[tf.Tensor, ...]:
            rows = parts.images(number)
            part_scores, part_gradient = self._score(
                tf.gather(image, rows), objective.of(rows), draws.part(rows, parts.start(number), parts.size, number)
            )
            return (
                number + 1,
                tf.tensor_scatter_nd_add(scores, rows[:, None], part_scores / parts.columns),
                tf.tensor_scatter_nd_add(gradient, rows[:, None], part_gradient / parts.columns),
            )

        def add_all(first: tf.Tensor, end: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            start = (first, tf.zeros((parts.batch, len(self.terms))), tf.zeros(image.shape))
            # One at a time, which is the purpose of parts.
            _, scores, gradient = tf.while_loop(lambda number, *_: number < end, add, start, parallel_iterations=1)
            return scores, gradient

        return self._share(parts.count, add_all)

    def _score(self, image: tf.Tensor, objective: ObjectiveTensors, draws: Draws) -> tuple[tf.Tensor, tf.Tensor]:
        """The scores of some images under some views, and the gradient of the loss."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            scores = self.scores(draws.apply(image), image, objective, draws)
            # Images of a batch do not interact, joint terms aside, so the gradient of the sum is the images' gradients.
            scale = self.activations.gradient_scale
            loss = -scale * tf.reduce_sum(scores)
        # float16 underflows below 6e-8, so the model saw its gradient times this power of two.
        return scores, input_gradient(tape, loss, image) / scale

    def _share(
        self, count: int, add_all: Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The sum over all parts; each replica adds up its share."""
        if self._strategy is None:
            return add_all(tf.constant(0), tf.constant(count))
        share = count // self._strategy.num_replicas_in_sync

        def replica() -> tuple[tf.Tensor, tf.Tensor]:
            first = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32) * share
            return add_all(first, first + share)

        scores, gradient = self._strategy.run(replica)
        return self._strategy.reduce("SUM", scores, axis=None), self._strategy.reduce("SUM", gradient, axis=None)

    def _relus(self, step: tf.Tensor) -> contextlib.AbstractContextManager:
        if not self._relu_warmup:
            return contextlib.nullcontext()
        return redirected_relus(step < self._relu_warmup, self.activations.model)
