"""Where the time of a step goes."""

import dataclasses
import statistics
import time

import tensorflow as tf

from maco_tf.transforms.draws import drawn_under


@dataclasses.dataclass(frozen=True)
class Profile:
    """Seconds a step, and of its parts each compiled by itself, forward and gradient.

    Attributes:
        step: seconds of a whole step.
        parametrization: variables -> images.
        views: images -> views: crops, noise, transforms.
        model: views -> scores: preprocessing, the network, the objective.
        optimizer: gradients -> variables.
        views_a_step: number of views that the model sees in a step.
    """

    step: float
    parametrization: float
    views: float
    model: float
    optimizer: float
    views_a_step: int

    def __str__(self):
        lines = [f"{'step':<16} {1e3 * self.step:8.1f} ms, {self.views_a_step} views"]
        for name in ("model", "views", "parametrization", "optimizer"):
            seconds = getattr(self, name)
            lines.append(f"  {name:<14} {1e3 * seconds:8.1f} ms {seconds / self.step:6.0%}")
        return "\n".join(lines)


def profile_steps(compiled, weights, parameters, *, repeats=5, jit_compile=False):
    """Time a step and its parts, in turns.

    The sum of the parts is not the step: what runs beside each other there runs by itself here.

    Args:
        compiled: a `CompiledSteps`; its run is set back.
        weights: see `objective_tensors`.
        parameters: see `objective_tensors`.
        repeats: times each is run; medians are taken.
        jit_compile: whether XLA compiles the parts, as it does the step.

    Returns:
        A `Profile`.
    """
    state = compiled.start(0)
    parts, batch = compiled.parts, compiled.parametrization.batch_size
    rows = tf.range(parts.rows)
    own_weights = tf.gather(weights, rows, axis=1)
    own_parameters = [{name: tf.gather(value, rows) for name, value in own.items()} for own in parameters]
    values = compiled.values()
    own_images = compiled.parametrization.image(values)[: parts.rows]

    def compile_part(function, *arguments):
        def traced(*arguments):
            with drawn_under(jit_compile):
                return function(*arguments)

        # Traced here: TensorFlow warns of functions that are traced again and again where they are called.
        concrete = tf.function(traced, autograph=False, jit_compile=jit_compile).get_concrete_function(*arguments)
        return lambda: concrete(*arguments)

    def parametrization(*values):
        return _gradient(lambda *values: compiled.synthesise(list(values)), *values)

    def views(images):
        return _gradient(lambda images: compiled.views.apply(images, compiled.first_draws(state), state.seeds), images)

    def model(views):
        def scores(views):
            draws = compiled.first_draws(state)
            return compiled.scores(views, own_images, own_weights, own_parameters, draws, state)

        return _gradient(scores, views)

    def optimizer(*gradients):
        compiled.optimizer.apply(gradients, compiled.variables)
        return compiled.values()

    starts = iter([compiled.start(0) for _ in range(repeats + 1)])
    seen = compiled.views.apply(own_images, compiled.first_draws(state), state.seeds)
    runs = {
        "step": lambda: compiled(next(starts), weights, parameters, 1),
        "parametrization": compile_part(parametrization, *values),
        "views": compile_part(views, own_images),
        "model": compile_part(model, seen),
        "optimizer": compile_part(optimizer, *values),
    }
    times = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, run in runs.items():
            begin = time.perf_counter()
            for tensor in tf.nest.flatten(run()):
                tensor.numpy()  # Waits for a GPU.
            if turn:  # The first one warms up.
                times[name].append(time.perf_counter() - begin)
    medians = {name: statistics.median(values) for name, values in times.items()}
    medians |= {name: medians[name] * parts.count for name in ("views", "model")}
    compiled.start(0)
    return Profile(**medians, views_a_step=batch * compiled.views.count)


def _gradient(function, *arguments):
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(arguments)
        result = function(*arguments)
    # An objective may read the image alone, and no view.
    return tape.gradient(result, arguments, unconnected_gradients=tf.UnconnectedGradients.ZERO)
