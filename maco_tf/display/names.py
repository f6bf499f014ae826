"""Names that fit beside their pictures."""

import textwrap

_LINES = 3


def wrapped(name, characters):
    """A name in lines, cut after the third.

    Args:
        name: text.
        characters: how many fit into a line.

    Returns:
        Text.
    """
    return "\n".join(textwrap.wrap(name, characters, max_lines=_LINES, placeholder=" ...", break_on_hyphens=False))
