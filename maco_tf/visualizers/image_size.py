"""The size of the optimised image."""

import numbers


def resolve_image_size(size, input_shape):
    """What a user's image size means for a model.

    Args:
        size: side of the image, pixels, `(height, width)`, "input", or `None`.
        input_shape: `(height, width, channels)` of the model's input.

    Returns:
        `(height, width)`, pixels.

    Raises:
        ValueError: it is none of these, or less than the input.
    """
    if size is None:
        # An image of 512 pixels suits an input of 224; one of 32 would see it through a sieve.
        scale = max(1.0, min(512 / 224, 512 / max(input_shape[:2])))
        return tuple(round(side * scale) for side in input_shape[:2])
    if isinstance(size, str) and size == "input":
        return tuple(input_shape[:2])
    pair = (size, size) if isinstance(size, numbers.Integral) else size
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(map(_is_side, pair)):
        raise ValueError(
            '"image_size" must be a number of pixels, or (height, width), of at least 8, or "input". '
            f"Received: {size!r}."
        )
    if any(pixels < side for pixels, side in zip(pair, input_shape)):
        raise ValueError(
            f'"image_size" must be at least the model\'s input, {tuple(input_shape[:2])}: a crop cannot be larger than '
            f"the image. Received: {size!r}."
        )
    return tuple(int(pixels) for pixels in pair)


def _is_side(pixels):
    return isinstance(pixels, numbers.Integral) and pixels >= 8
