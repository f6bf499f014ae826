"""The precision that a network computes in, and the measurement behind "auto"."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_choice
from maco_tf.models.activations import Activations
from maco_tf.models.precision import COMPUTE_DTYPES, check_compute_dtype, tensor_float_32
from maco_tf.objectives.term import Term
from maco_tf.optimization.parts import plan_parts
from maco_tf.optimization.replicas import refused_by_xla
from maco_tf.optimization.scoring import input_gradient
from maco_tf.optimization.views import AnyTransform, Views, initial_state
from maco_tf.parametrizations.parametrization import Parametrization

PRECISIONS = (None, *COMPUTE_DTYPES, "tensorfloat32", "auto")

_ROUNDS = 5
# A smaller gain is not worth the other rounding.
_LEAST_GAIN = 1.1
# Below this cosine, the image climbs another hill.
_LEAST_COSINE = 0.99
# More views tell no more about which precision is faster.
_MOST_VIEWS = 32


def compute_dtype(model: keras.Model, precision: Any) -> str | None:
    """The dtype that a model computes in until something is measured.

    Args:
        model: a `keras.Model`.
        precision: one of `PRECISIONS`.

    Returns:
        The name of a dtype, or `None` for the model's own policy.

    Raises:
        ValueError: the precision is unknown, or the model is quantised and the precision is not `None`.
    """
    check_choice("precision", precision, PRECISIONS)
    if precision is not None:
        check_compute_dtype(model, precision if precision in COMPUTE_DTYPES else "float32", received=precision)
    return {"tensorfloat32": "float32", "auto": None}.get(precision, precision)


def matrix_products(precision: str | None) -> contextlib.AbstractContextManager:
    """A block around a run: TensorFloat-32 is on for "tensorfloat32", off for "float32", and else unchanged."""
    return tensor_float_32({"tensorfloat32": True, "float32": False}.get(precision or ""))


@dataclasses.dataclass(frozen=True)
class PrecisionChoice:
    """The measurement behind the precision "auto", and its result.

    Attributes:
        precision: the chosen precision.
        seconds: dictionary, precision -> median time of the network's forward pass and input gradient.
        cosines: dictionary, precision -> cosine between its input gradient and that of float32.
        failures: dictionary, precision -> the reason why the network cannot be called in it.
    """

    precision: str
    seconds: dict[str, float]
    cosines: dict[str, float]
    failures: dict[str, str]

    def __str__(self) -> str:
        measured = [
            f"{name} {1e3 * seconds:.0f} ms" + ("" if name == "float32" else f" (cosine {self.cosines[name]:.4f})")
            for name, seconds in self.seconds.items()
        ]
        failed = [f"{name} fails ({reason})" for name, reason in self.failures.items()]
        return f"{self.precision} of {', '.join(measured + failed)}"


def example_views(
    parametrization: Parametrization,
    transforms: Sequence[AnyTransform],
    terms: Sequence[Term],
    input_shape: Sequence[int],
    steps: int,
    *,
    max_batch_size: int | str | None = None,
    replicas: int = 1,
) -> tf.Tensor:
    """The views that the model sees at once at the start of a run, for a measurement.

    Args:
        parametrization: a `Parametrization`.
        transforms: list of transforms between the image and the model.
        terms: list of `Term`.
        input_shape: `(height, width, channels)` of the model's input.
        steps: length of the run.
        max_batch_size: see `plan_parts`.
        replicas: see `plan_parts`.

    Returns:
        Tensor (views, *input_shape), at most 32 views of one part.

    Raises:
        ValueError: the views cannot be cut into parts of this size.
    """
    views = Views(transforms, input_shape)
    parts = plan_parts(terms, parametrization.batch_size, views, max_batch_size, replicas)
    state = initial_state(parametrization, views.generators, steps, [0])

    @tf.function(autograph=False)
    def first(values: list[tf.Tensor]) -> tf.Tensor:
        draws, _ = views.draw(parts.batch, state, steps)
        if parts.count > 1:
            draws = draws.part(tf.range(parts.rows), 0, parts.size, 0)
        return draws.apply(parametrization.image(values)[: parts.rows])[:_MOST_VIEWS]

    values = parametrization.initialize(0)
    return first.get_concrete_function(values)(values)


def choose_precision(
    activations: Activations,
    views: tf.Tensor,
    layers: Sequence[str | int],
    *,
    jit_compile: bool = False,
    clock: Callable[[], float] = time.perf_counter,
) -> PrecisionChoice:
    """Measure a network's forward pass and input gradient in each precision, in turns, and choose.

    The fastest precision is chosen if float32 takes at least 1.1 times as long and if the cosine between its input
    gradient and that of float32 is above 0.99. Otherwise the next one is considered, and float32 comes last. float16 is
    tried on a GPU only.

    Args:
        activations: an `Activations`.
        views: tensor (views, height, width, channels) that the model sees in a step.
        layers: list of layer references that the objective reads.
        jit_compile: whether XLA compiles the steps.
        clock: function that returns seconds.

    Returns:
        A `PrecisionChoice`.

    Raises:
        ValueError: the network cannot be called in float32, or has no gradient.
    """
    candidates = ["float32", "bfloat16"]
    if tf.config.list_logical_devices("GPU"):
        candidates.append("float16")
    functions, gradients, failures = {}, {}, {}
    for name in candidates:
        function = _input_gradient(activations.with_precision(name), layers, jit_compile)
        try:
            with refused_by_xla():
                gradients[name] = function(views).numpy()
        except (ValueError, tf.errors.OpError) as error:
            if name == "float32":
                raise
            failures[name] = type(error.__cause__ or error).__name__
            continue
        functions[name] = function
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(_ROUNDS):
        for name, function in functions.items():
            start = clock()
            # Fetched, because a GPU returns before it is done.
            function(views).numpy()
            times[name].append(clock() - start)
    seconds = {name: float(np.median(values)) for name, values in times.items()}
    cosines = {name: _cosine(gradient, gradients["float32"]) for name, gradient in gradients.items()}
    good = [
        name
        for name in functions
        if cosines[name] > _LEAST_COSINE and seconds["float32"] >= _LEAST_GAIN * seconds[name]
    ]
    chosen = min(good, key=lambda name: seconds[name], default="float32")
    return PrecisionChoice(chosen, seconds, cosines, failures)


def _input_gradient(
    activations: Activations, layers: Sequence[str | int], jit_compile: bool
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Images to the gradient of a random projection of some layers. The projection is the same in each precision."""

    def run(images: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            score = tf.zeros(())
            for value in activations(images, layers).values():
                direction = tf.random.stateless_normal(value.shape[1:], seed=(0, 0))
                score += tf.reduce_sum(value * direction)
            score *= activations.gradient_scale
        return input_gradient(tape, score, images)

    return tf.function(run, autograph=False, jit_compile=jit_compile)


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = (np.ravel(value).astype("float64") for value in (a, b))
    with np.errstate(all="ignore"):
        # NaN where a gradient overflowed; it exceeds no limit.
        return float(a @ b / np.sqrt((a @ a) * (b @ b)))
