"""The tokens of a transformer's layer that an objective reads.

A layer of shape (tokens, width) holds its image patches row by row, after a class token if it has one. The number of
tokens shows which it is: n² tokens are all patches, and n² + 1 are the class token and the patches. Any other layout,
such as register tokens or a grid that is not square, has to be specified by the user.
"""

import math
from typing import Any

import tensorflow as tf

from maco_tf.checks import check_integer

#: One of the three names below, or a slice of the tokens.
Tokens = str | slice

_NAMES = ("patch", "class", "all")


def as_tokens(tokens: Any) -> Tokens:
    """Read a choice of tokens, before any layer is known.

    Args:
        tokens: "patch", "class", "all", or a slice of the tokens; a slice may also have the form that `tokens_config`
            returns.

    Returns:
        One of the three names, or a slice.

    Raises:
        ValueError: the value is something else.
    """
    if isinstance(tokens, str) and tokens in _NAMES:
        return tokens
    parts = tokens_config(tokens)
    if isinstance(parts, list | tuple) and len(parts) == 3 and parts[2] != 0:
        try:
            return slice(*(None if part is None else check_integer("tokens", part) for part in parts))
        except ValueError:
            pass  # The error below says more.
    raise ValueError(
        f'"tokens" must be {", ".join(map(repr, _NAMES))}, or a slice of the tokens, such as slice(5, None) after '
        f"a class token and four registers. Received: {tokens!r}."
    )


def check_tokens(tokens: Tokens, shape: tuple[int | None, ...], layer: str | int) -> None:
    """Check that a layer has the chosen tokens.

    Args:
        tokens: see `as_tokens`.
        shape: the layer's shape without the batch axis.
        layer: the layer's reference, for the error.

    Raises:
        ValueError: the layer has no tokens, no class token or no token in the slice, or the position of its patches is
            unknown.
    """
    if len(shape) != 2:
        if tokens not in ("patch", "all"):
            raise ValueError(
                f'"tokens" must be left out for {layer!r}, of shape {shape}: only a layer of shape (tokens, width) has '
                f"tokens. Received: {tokens!r}."
            )
        return
    count = shape[0]
    if isinstance(tokens, slice):
        if count is not None and not range(count)[tokens]:
            raise ValueError(
                f'"tokens" must select at least one of the {count} tokens of {layer!r}. Received: {tokens!r}.'
            )
    elif tokens == "class":
        if count is not None and class_tokens(count) == 0:
            raise ValueError(
                f'"tokens" must not be "class" for {layer!r}: its {count} tokens are a square grid of patches without '
                'a class token. Received: "class". If the first token is a class token nevertheless, use slice(0, 1).'
            )
    elif tokens == "patch" and (count is None or class_tokens(count) is None):
        known = "an unknown number of" if count is None else count
        raise ValueError(
            f'"tokens" must specify the tokens of {layer!r}: it has {known} tokens, neither a square grid of patches '
            'nor a class token and a square grid. Received: "patch". Use "all", "class" (the first), or a slice of the '
            "patches, such as slice(5, None) after a class token and four registers."
        )


def class_tokens(count: int) -> int | None:
    """The number of tokens before the patches.

    Args:
        count: the number of tokens of a layer.

    Returns:
        0 or 1; `None` if the remaining tokens are not a square grid in either case.
    """
    for before in (0, 1):
        if count > before and math.isqrt(count - before) ** 2 == count - before:
            return before
    return None


def choose_tokens(activation: tf.Tensor, tokens: Tokens) -> tf.Tensor:
    """Select tokens of an activation.

    Args:
        activation: tensor (views, tokens, width); a tensor of another rank is returned unchanged.
        tokens: a choice that `check_tokens` accepts for the layer.

    Returns:
        Tensor (views, selected tokens, width).
    """
    if len(activation.shape) != 3 or tokens == "all":
        return activation
    if tokens == "class":
        return activation[:, :1]
    return activation[:, tokens if isinstance(tokens, slice) else slice(class_tokens(activation.shape[1]), None)]


def tokens_config(tokens: Tokens) -> str | tuple[int | None, int | None, int | None]:
    """A choice of tokens in a form that JSON can hold: a slice becomes `(start, stop, step)`."""
    return (tokens.start, tokens.stop, tokens.step) if isinstance(tokens, slice) else tokens


def tokens_suffix(tokens: Tokens) -> str:
    """The choice of tokens as the end of an objective's name; empty for the patches."""
    if isinstance(tokens, slice):
        parts = [tokens.start, tokens.stop] + ([] if tokens.step is None else [tokens.step])
        return f" [{':'.join('' if part is None else str(part) for part in parts)}]"
    return "" if tokens == "patch" else f" [{tokens}]"
