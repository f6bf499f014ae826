"""Starting values."""

import math
import numbers

import tensorflow as tf


def normal_start(seed, batch_size, shape, std):
    """Normal values of mean 0, a key for each image: image i of a batch starts as image i of a larger batch does.

    Args:
        seed: integer.
        batch_size: number of images.
        shape: of one image's variable.
        std: standard deviation.

    Returns:
        Tensor (batch_size, *shape), float32.
    """
    keys = [(seed, index) for index in range(batch_size)]
    # The same on every device: others might choose another generator than a CPU does.
    return tf.stack([tf.random.stateless_normal(shape, key, stddev=std, alg="philox") for key in keys])


def refuse_start_with(name, value):
    """Refuse to start at an image under a setting that would show another one.

    Args:
        name: the setting.
        value: its value; 0 and False are off.

    Raises:
        ValueError: the setting is on.
    """
    if value:
        raise ValueError(
            f'"start" must be None where "{name}" is on, which would show another image than the one given. Received: '
            f"images, and {name}={value!r}."
        )


def check_flag(name, value):
    """Refuse what is neither True nor False.

    Raises:
        ValueError: see above.
    """
    if not isinstance(value, bool):
        raise ValueError(f'"{name}" must be True or False. Received: {value!r}.')


def check_amount_above_zero(name, value):
    """Refuse what is no finite number above zero.

    Args:
        name: the argument's name, for the error.
        value: what was given.

    Raises:
        ValueError: see above.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 < value < math.inf:
        raise ValueError(f'"{name}" must be a finite number above 0. Received: {value!r}.')
