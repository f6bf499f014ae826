"""Models that can be called only on batches of one size."""

import contextlib
from collections.abc import Callable

import keras
import tensorflow as tf

from maco_tf.models.input_shape import declared_batch

# From a batch of images to one tensor for each layer.
Run = Callable[[tf.Tensor], list[tf.Tensor]]


def run_otherwise(
    model: keras.Model, run: Run, images: tf.Tensor, outputs: int, error: Exception
) -> tuple[list[tf.Tensor], int]:
    """Run a model that failed in batches of the size that it declares, or say that it takes single images.

    Args:
        model: the model.
        run: calls the model.
        images: tensor (batch, height, width, channels).
        outputs: number of tensors that `run` returns.
        error: the error of `run(images)`.

    Returns:
        `(the result of run, the size of the batches)`.

    Raises:
        ValueError: the model takes single images only.
        Exception: `error`, if nothing helps.
    """
    declared, count = declared_batch(model), images.shape[0]
    if declared is not None and declared != count:
        with contextlib.suppress(Exception):
            return run_in_batches(run, images, declared, outputs), declared
    elif count is not None and count > 1:
        try:
            run(images[:1])
        except Exception:
            raise error from None
        raise ValueError(
            '"max_batch_size" must be 1 for this model ("batch_size" where images are scored), which can be called on '
            f"a single image, but not on {count}. Received: a batch of {count}. The model says: {error}"
        ) from error
    raise error


def run_in_batches(run: Run, images: tf.Tensor, size: int, outputs: int) -> list[tf.Tensor]:
    """Run a model in batches of one size; copies of the last image fill up the last batch.

    Args:
        run: calls the model.
        images: tensor (batch, height, width, channels); the batch may be unknown.
        size: the size of the batches.
        outputs: number of tensors that `run` returns.

    Returns:
        List of float32 tensors (batch, ...).
    """
    count = tf.shape(images)[0] if images.shape[0] is None else images.shape[0]
    padded = tf.concat([images, tf.repeat(images[-1:], -count % size, axis=0)], 0)
    if images.shape[0] is not None:
        pieces = [run(padded[start : start + size]) for start in range(0, count, size)]
        return [tf.concat(pieces_of_layer, 0)[:count] for pieces_of_layer in zip(*pieces)]
    batches = tf.reshape(padded, (-1, size, *images.shape[1:]))
    values = tf.map_fn(run, batches, fn_output_signature=[tf.float32] * outputs)
    return [tf.reshape(value, (-1, *value.shape[2:]))[:count] for value in values]
