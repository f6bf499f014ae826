"""Which precision a network is fastest in, on this device: a short measurement."""

import dataclasses
import time

import numpy as np
import tensorflow as tf

from maco_tf.models.precision import COMPUTE_DTYPES, check_compute_dtype, tensor_float_32
from maco_tf.optimization.replicas import refused_by_xla
from maco_tf.optimization.scoring import input_gradient

_ROUNDS = 5
# Below the first the gain is not worth other rounding; below the second the image climbs another hill.
_LEAST_GAIN = 1.1
_LEAST_COSINE = 0.99


@dataclasses.dataclass(frozen=True)
class PrecisionChoice:
    """What was measured, and what follows.

    Attributes:
        precision: the one chosen.
        seconds: dictionary, precision -> median time of the network's forward pass and input gradient.
        cosines: dictionary, precision -> cosine between its input gradient and float32's.
        failures: dictionary, precision -> why the network cannot be called in it.
    """

    precision: str
    seconds: dict
    cosines: dict
    failures: dict

    def __str__(self):
        measured = [
            f"{name} {1e3 * seconds:.0f} ms" + ("" if name == "float32" else f" (cosine {self.cosines[name]:.4f})")
            for name, seconds in self.seconds.items()
        ]
        failed = [f"{name} fails ({reason})" for name, reason in self.failures.items()]
        return f"{self.precision} of {', '.join(measured + failed)}"


def choose_precision(activations, views, layers, *, jit_compile=False, clock=time.perf_counter):
    """Measure a network's forward pass and input gradient in each precision, by turns, and choose.

    The fastest is chosen if float32 takes at least 1.1 times as long and if the cosine between its input gradient and
    float32's is above .99; otherwise the next, and at last float32. float16 is tried on a GPU alone.

    Args:
        activations: an `Activations`.
        views: tensor (views, height, width, channels) of what the model sees in a step.
        layers: list of layer references that the objective reads.
        jit_compile: whether XLA compiles the steps.
        clock: () -> seconds.

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
    times = {name: [] for name in functions}
    for _ in range(_ROUNDS):
        for name, function in functions.items():
            start = clock()
            # Fetched, since a GPU answers before it is done.
            function(views).numpy()
            times[name].append(clock() - start)
    seconds = {name: float(np.median(values)) for name, values in times.items()}
    cosines = {name: _cosine(gradient, gradients["float32"]) for name, gradient in gradients.items()}
    good = [
        name
        for name in functions
        if cosines[name] > _LEAST_COSINE and seconds["float32"] >= _LEAST_GAIN * seconds[name]
    ]
    return PrecisionChoice(min(good, key=seconds.get, default="float32"), seconds, cosines, failures)


def _input_gradient(activations, layers, jit_compile):
    """Images to the gradient of a random projection of some layers, the same in every precision."""

    def run(images):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            score = tf.zeros(())
            for value in activations(images, layers).values():
                direction = tf.random.stateless_normal(value.shape[1:], seed=(0, 0))
                score += tf.reduce_sum(value * direction)
            score *= activations.gradient_scale
        return input_gradient(tape, score, images)

    return tf.function(run, autograph=False, jit_compile=jit_compile)


def _cosine(a, b):
    a, b = (np.ravel(value).astype("float64") for value in (a, b))
    with np.errstate(all="ignore"):
        # Not a number where a gradient overflowed, which is above no limit.
        return float(a @ b / np.sqrt((a @ a) * (b @ b)))


PRECISIONS = (None, *COMPUTE_DTYPES, "tensorfloat32", "auto")
# More views tell nothing more of which precision is faster.
_MOST_VIEWS = 32


def compute_dtype(model, precision):
    """What a model computes in until something is measured.

    Args:
        model: a `keras.Model`.
        precision: one of `PRECISIONS`.

    Returns:
        A dtype's name, or `None` for the model's own policy.

    Raises:
        ValueError: it is none of them, or the model is quantised and it is not `None`.
    """
    # A dtype object is equal to its name, but no string.
    if not isinstance(precision, str | None) or precision not in PRECISIONS:
        raise ValueError(f'"precision" must be one of {", ".join(map(repr, PRECISIONS))}. Received: {precision!r}.')
    if precision is not None:
        check_compute_dtype(model, precision if precision in COMPUTE_DTYPES else "float32", received=precision)
    return {"tensorfloat32": "float32", "auto": None}.get(precision, precision)


def matrix_products(precision):
    """A block around a run: TensorFloat-32 on for "tensorfloat32", off for "float32", else as the process has it."""
    return tensor_float_32({"tensorfloat32": True, "float32": False}.get(precision))


def precision_config(precision, choice):
    """What a result's settings say of it.

    Args:
        precision: one of `PRECISIONS`.
        choice: the `PrecisionChoice` of "auto"; `None` before it is made.

    Returns:
        Dictionary of strings: `precision`, what the network computes in, and for "auto" what was measured.
    """
    if choice is None:
        return {"precision": precision}
    return {"precision": choice.precision, "precision_choice": f"auto: {choice}"}


def example_views(compiled):
    """What the model sees at once at the start of a run, for measuring.

    Args:
        compiled: a `CompiledSteps`; its run is set back.

    Returns:
        Tensor (views, height, width, channels), at most 32 views of a part.
    """
    state = compiled.start(0)

    @tf.function(autograph=False)
    def views(values):
        images = compiled.parametrization.image(values)[: compiled.parts.rows]
        return compiled.views.apply(images, compiled.first_draws(state), state.seeds)[:_MOST_VIEWS]

    values = compiled.values()
    return views.get_concrete_function(values)(values)
