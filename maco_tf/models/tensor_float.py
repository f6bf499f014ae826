"""TensorFloat-32, in which some GPUs multiply float32 matrices."""

import contextlib

import tensorflow as tf


@contextlib.contextmanager
def tensor_float_32(enabled):
    """Switch TensorFloat-32 on or off for what runs inside the block, and put it back.

    It has float32's range and 10 bits of its 23. TensorFlow reads the switch, one for the whole process, when
    operations run, so the block goes around the run and not around the tracing. Devices without it compute in float32.

    Args:
        enabled: boolean; `None` leaves the switch as it is.
    """
    if enabled is None:
        yield
        return
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(enabled)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)
