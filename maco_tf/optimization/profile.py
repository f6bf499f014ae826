"""Where the time of a step goes."""

import dataclasses
import statistics
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from maco_tf.optimization.scoring import ObjectiveTensors
from maco_tf.optimization.step import CompiledSteps
from maco_tf.transforms.draws import drawn_under


@dataclasses.dataclass(frozen=True)
class Profile:
    """The time of a step and of its parts, each compiled separately, forward pass and gradient.

    The parts together may take more or less time than the step: in a step they overlap and are compiled as one.

    Attributes:
        step: seconds of a whole step.
        parametrization: seconds from variables to images.
        views: seconds from images to views: crops, noise, transforms.
        model: seconds from views to scores: preprocessing, the network, the objective.
        optimizer: seconds from gradients to variables.
        views_a_step: number of views that the model sees in a step.
    """

    step: float
    parametrization: float
    views: float
    model: float
    optimizer: float
    views_a_step: int

    def __str__(self) -> str:
        lines = [f"{'step':<16} {1e3 * self.step:8.1f} ms, {self.views_a_step} views"]
        for name in ("model", "views", "parametrization", "optimizer"):
            seconds = getattr(self, name)
            lines.append(f"  {name:<14} {1e3 * seconds:8.1f} ms {seconds / self.step:6.0%}")
        together = self.model + self.views + self.parametrization + self.optimizer
        lines.append(f"  {'together':<14} {1e3 * together:8.1f} ms {together / self.step:6.0%}, timed one by one; ")
        lines[-1] += "in a step they overlap"
        return "\n".join(lines)


def profile_steps(
    compiled: CompiledSteps, objective: ObjectiveTensors, *, repeats: int = 5, jit_compile: bool = False
) -> Profile:
    """Time a step and its parts, in turns.

    The parts do not add up to the step, because parts that overlap in a step are timed one by one here.

    Args:
        compiled: a `CompiledSteps`; its run is reset.
        objective: see `objective_tensors`.
        repeats: number of times each part runs; the result holds medians.
        jit_compile: whether XLA compiles the parts, as it does the step.

    Returns:
        A `Profile`.
    """
    state = compiled.start([0])
    parts, batch = compiled.parts, compiled.parametrization.batch_size
    some = objective.of(tf.range(parts.rows))
    values = compiled.values()
    images = compiled.parametrization.image(values)[: parts.rows]

    def compile_part(function: Callable[..., Any], *arguments: tf.Tensor) -> Callable[[], Any]:
        def traced(*arguments: tf.Tensor) -> Any:
            with drawn_under(jit_compile):
                return function(*arguments)

        # Traced explicitly: TensorFlow warns about functions that are made and called again and again.
        concrete = tf.function(traced, autograph=False, jit_compile=jit_compile).get_concrete_function(*arguments)
        return lambda: concrete(*arguments)

    def parametrization(*values: tf.Tensor) -> Any:
        return _gradient(lambda *values: compiled.synthesise(list(values)), *values)

    def views(images: tf.Tensor) -> Any:
        return _gradient(lambda images: compiled.first_draws(state).apply(images), images)

    def model(views: tf.Tensor) -> Any:
        return _gradient(lambda views: compiled.scores(views, images, some, compiled.first_draws(state)), views)

    def optimizer(*gradients: tf.Tensor) -> list[tf.Tensor]:
        compiled.optimizer.apply(gradients, compiled.variables)
        return compiled.values()

    starts = iter([compiled.start([0]) for _ in range(repeats + 1)])
    seen = compiled.first_draws(state).apply(images)
    runs = {
        "step": lambda: compiled(next(starts), objective, 1),
        "parametrization": compile_part(parametrization, *values),
        "views": compile_part(views, images),
        "model": compile_part(model, seen),
        "optimizer": compile_part(optimizer, *values),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, run in runs.items():
            begin = time.perf_counter()
            for tensor in tf.nest.flatten(run()):
                tensor.numpy()  # Waits for a GPU.
            if turn:  # The first turn warms up.
                times[name].append(time.perf_counter() - begin)
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    medians |= {name: medians[name] * parts.count for name in ("views", "model")}
    compiled.start([0])
    return Profile(**medians, views_a_step=batch * compiled.views.count)


def _gradient(function: Callable[..., tf.Tensor], *arguments: tf.Tensor) -> Any:
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(arguments)
        result = function(*arguments)
    # An objective may read the image only, and no view.
    return tape.gradient(result, arguments, unconnected_gradients=tf.UnconnectedGradients.ZERO)
