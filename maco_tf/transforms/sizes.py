"""What a number of pixels is."""

import numbers


def check_integer(name, value, least):
    """Refuse what is not an integer, or too small.

    Args:
        name: the argument's name, for the error.
        value: the argument.
        least: smallest integer allowed.

    Returns:
        The value as an `int`.

    Raises:
        ValueError: it is not an integer of at least `least`.
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f'"{name}" must be an integer of at least {least}. Received: {value!r}.')
    return int(value)


def as_size(name, value):
    """One number of pixels for both axes, or a pair.

    Args:
        name: the argument's name, for the error.
        value: an integer from 1, or `(height, width)`.

    Returns:
        `(height, width)`.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, tuple | list) and len(value) == 2:
        return tuple(check_integer(name, side, 1) for side in value)
    if isinstance(value, tuple | list):
        raise ValueError(f'"{name}" must be a number of pixels or (height, width). Received: {value!r}.')
    return (check_integer(name, value, 1),) * 2
