"""What a visualizer's argument `precision` stands for."""

import tensorflow as tf

from maco_tf.models.precision import COMPUTE_DTYPES, check_compute_dtype
from maco_tf.models.tensor_float import tensor_float_32

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
