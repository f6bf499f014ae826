"""Which tokens of a transformer's layer an objective reads.

A layer of shape (tokens, width) keeps its image patches row by row, behind a class token where it has one. What a layer
is follows from its number of tokens: n² are patches alone, n² + 1 are the class token and patches. Anything else, such
as register tokens or an oblong grid, has to be said.
"""

import math

_NAMES = ("patch", "class", "all")


def as_tokens(tokens):
    """Read a choice of tokens, before any layer is known.

    Args:
        tokens: "patch", "class", "all", or a slice of the tokens' axis; or what `tokens_config` made of one.

    Returns:
        One of the three names, or a slice.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(tokens, str) and tokens in _NAMES:
        return tokens
    try:
        chosen = slice(*tokens) if isinstance(tokens, list | tuple) and len(tokens) == 3 else tokens
        chosen.indices(1)  # What a slice refuses, such as a step of 0.
        return chosen
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f'"tokens" must be {", ".join(map(repr, _NAMES))}, or a slice of the tokens, such as slice(5, None) behind '
            f"a class token and four registers. Received: {tokens!r}."
        ) from error


def check_choice(tokens, shape, layer):
    """Refuse a choice of tokens that a layer cannot serve.

    Args:
        tokens: see `as_tokens`.
        shape: the layer's shape without the batch axis.
        layer: its name, for the error.

    Raises:
        ValueError: the layer has no tokens, no class token, or none that are chosen; or which are patches is unknown.
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
            raise ValueError(f'"tokens" must choose at least one of the {count} of {layer!r}. Received: {tokens!r}.')
    elif tokens == "class":
        if count is not None and class_tokens(count) == 0:
            raise ValueError(
                f'"tokens" must not be "class" for {layer!r}: its {count} tokens are a square grid of patches, with no '
                'class token. If the first is one nevertheless, take slice(0, 1). Received: "class".'
            )
    elif tokens == "patch" and (count is None or class_tokens(count) is None):
        known = "an unknown number of" if count is None else count
        raise ValueError(
            f'"tokens" must say which tokens of {layer!r} are meant: it has {known} tokens, neither a square grid nor '
            'one behind a class token. Received: "patch". Take "all", "class" (the first), or a slice of the patches, '
            "such as slice(5, None) behind a class token and four registers."
        )


def class_tokens(count):
    """How many tokens stand before the patches.

    Args:
        count: number of tokens of a layer.

    Returns:
        0 or 1; None where the rest is no square grid either way.
    """
    for before in (0, 1):
        if count > before and math.isqrt(count - before) ** 2 == count - before:
            return before
    return None


def choose_tokens(activation, tokens):
    """The tokens that a choice means.

    Args:
        activation: tensor (views, tokens, width), or of another rank, which is returned as it is.
        tokens: a choice that `check_choice` lets pass.

    Returns:
        Tensor (views, chosen tokens, width).
    """
    if len(activation.shape) != 3 or tokens == "all":
        return activation
    if tokens == "class":
        return activation[:, :1]
    return activation[:, tokens if isinstance(tokens, slice) else slice(class_tokens(activation.shape[1]), None)]


def tokens_config(tokens):
    """A choice as text or a tuple of numbers: hashable, and fit for JSON, as a slice is not."""
    return (tokens.start, tokens.stop, tokens.step) if isinstance(tokens, slice) else tokens


def tokens_suffix(tokens):
    """What a result's name says about the choice; nothing for the patches."""
    if isinstance(tokens, slice):
        parts = [tokens.start, tokens.stop] + ([] if tokens.step is None else [tokens.step])
        return f" [{':'.join('' if part is None else str(part) for part in parts)}]"
    return "" if tokens == "patch" else f" [{tokens}]"
