"""What a visualizer's argument `precision` stands for."""

import keras
import tensorflow as tf

from maco_tf.models.precision import COMPUTE_DTYPES, check_compute_dtype
from maco_tf.models.tensor_float import tensor_float_32
from maco_tf.transforms.transform import apply_transforms

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


def example_views(parametrization, transforms, steps, most=None):
    """What the model sees at the start of a run, for measuring.

    Args:
        parametrization: a `Parametrization`.
        transforms: list of transforms.
        steps: length of the run.
        most: views that the model may see at once; `None` for any number.

    Returns:
        Tensor (views, height, width, channels), at most 32 of the views of a batch.
    """

    @tf.function(autograph=False)
    def views(values):
        # What is drawn here must not be missing in the runs.
        with keras.StatelessScope():
            views = apply_transforms(transforms, parametrization.image(values), tf.constant(0), steps)
            return views[: min(_MOST_VIEWS, most or _MOST_VIEWS)]

    values = [tf.convert_to_tensor(value) for value in parametrization.initialize(0)]
    return views.get_concrete_function(values)(values)
